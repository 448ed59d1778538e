import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What `${…}` may reach. */
export interface SubstitutionScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute directory that relative `${file:…}` paths start from. */
  readonly directory: string;
}

export type Substitution =
  /** `files`: absolute paths of the files that were read. */
  | { readonly kind: 'text'; readonly text: string; readonly files: readonly string[] }
  | { readonly kind: 'faults'; readonly messages: readonly string[]; readonly files: readonly string[] };

const maxFileBytes = 64 * 1024;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:/path}` in one text; `$${` stands for a plain `${`. What is put in is
 * not looked at again. A file loses one newline at its end.
 */
export function substitute(text: string, scope: SubstitutionScope): Substitution {
  if (!text.includes('${')) return { kind: 'text', text, files: [] };
  const messages: string[] = [];
  const files: string[] = [];
  const replaced = text.replaceAll(/\$?\$\{([^}]*)(\}?)/g, (whole, inner: string, end: string) => {
    if (whole.startsWith('$$')) return whole.slice(1);
    const outcome = end === '' ? { fault: 'has ${ without }; write $${ for a plain ${' } : lookUp(inner, scope, files);
    if ('fault' in outcome) messages.push(outcome.fault);
    return 'text' in outcome ? outcome.text : '';
  });
  return messages.length > 0 ? { kind: 'faults', messages, files } : { kind: 'text', text: replaced, files };
}

type LookUp = { readonly text: string } | { readonly fault: string };

function lookUp(inner: string, { env, directory }: SubstitutionScope, files: string[]): LookUp {
  if (inner.startsWith('file:')) {
    const file = resolve(directory, inner.slice('file:'.length));
    files.push(file);
    return readText(file);
  }
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/.exec(inner);
  if (!match?.[1]) return { fault: 'has an unknown form of ${…}; write ${NAME}, ${NAME:-default} or ${file:/path}' };
  const [, name, fallback] = match;
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  // As in a shell, :- also stands in for a variable that is set to nothing.
  if (fallback !== undefined) return { text: value === undefined || value === '' ? fallback : value };
  if (value !== undefined) return { text: value };
  return { fault: `needs the environment variable ${name}, which is not set; set it or write \${${name}:-default}` };
}

function readText(file: string): LookUp {
  try {
    // Opened without waiting: a pipe that nobody writes to must not hold up the start.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return { fault: `names ${file}, which is not a plain file` };
      if (stat.size > maxFileBytes) return { fault: `names ${file}, which is larger than 64 KiB` };
      const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor));
      return { text: text.replace(/\r?\n$/, '') };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return { fault: `names ${file}, which can't be read (${reasonOf(error)})` };
  }
}

/** What the system said about a file: `ENOENT: no such file or directory` and its like. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  if ('code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return error.message.replace(/, \w+( '.*')?$/, '');
}
