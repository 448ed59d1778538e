import { GatewayError } from '../errors.ts';
import type { RequestFacts } from '../request/facts.ts';

/** Whole body of a form. */
const maxBodyBytes = 16 * 1024;
const maxFields = 50;
/** From the first to the last byte of the body. */
const bodyTimeoutMs = 20_000;

/** Fields by name; a Map, so that no name means anything to JavaScript. */
export type Fields = ReadonlyMap<string, string>;

export type FormResult =
  | { readonly kind: 'form'; readonly fields: Fields }
  /** Answered with this status; the rest of the body was not read, so the connection must be closed. */
  | { readonly kind: 'refused'; readonly status: 400 | 408 | 413 | 415; readonly reason: string };

export interface ReadFormOptions {
  /** Default 20 s. */
  readonly timeoutMs?: number;
}

/**
 * Reads a form's body (`application/x-www-form-urlencoded`, WHATWG URL §5.1) in bounded time and memory, strictly: each field
 * once, UTF-8, no compression. Nothing is trimmed. Rejects with `client-gone` when the connection breaks.
 */
export async function readForm(
  body: AsyncIterable<Uint8Array>,
  facts: Pick<RequestFacts, 'headers' | 'header'>,
  { timeoutMs = bodyTimeoutMs }: ReadFormOptions = {},
): Promise<FormResult> {
  if (!isFormType(facts)) return refused(415, 'not-a-form');
  const encoding = facts.header('content-encoding');
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') return refused(415, 'encoded-body');
  if (Number(facts.header('content-length') ?? 0) > maxBodyBytes) return refused(413, 'body-too-large');
  const bytes = await readBody(body, timeoutMs);
  if (typeof bytes === 'string')
    return refused(bytes === 'slow' ? 408 : 413, bytes === 'slow' ? 'slow-body' : 'body-too-large');
  const fields = readFields(bytes.toString('latin1'));
  return fields === null ? refused(400, 'malformed-form') : { kind: 'form', fields };
}

/**
 * Reads `a=1&b=2` (a form's body, or a query without its `?`). Null when a field stands twice, there are more than fifty, an
 * escape is broken, or the bytes are not UTF-8.
 */
export function readFields(latin1: string): Fields | null {
  const fields = new Map<string, string>();
  if (latin1 === '') return fields;
  let count = 1;
  for (const character of latin1) if (character === '&' && ++count > maxFields) return null;
  for (const pair of latin1.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === null || value === null || fields.has(name)) return null;
    fields.set(name, value);
  }
  return fields;
}

function isFormType(facts: Pick<RequestFacts, 'headers'>): boolean {
  const types = facts.headers.filter(([name]) => name.toLowerCase() === 'content-type');
  if (types.length !== 1) return false;
  return /^\s*application\/x-www-form-urlencoded\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i.test(types[0]?.[1] ?? '');
}

async function readBody(body: AsyncIterable<Uint8Array>, timeoutMs: number): Promise<Buffer | 'slow' | 'large'> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'slow'>((resolve) => {
    timer = setTimeout(() => resolve('slow'), timeoutMs);
  });
  try {
    for (;;) {
      const next = iterator.next();
      const step = await Promise.race([next, timeout]);
      if (step === 'slow') {
        // The connection is closed for it; nobody waits for what comes of this read.
        next.catch(() => undefined);
        return 'slow';
      }
      if (step.done) return Buffer.concat(chunks);
      size += step.value.byteLength;
      if (size > maxBodyBytes) return 'large';
      chunks.push(step.value);
    }
  } catch (error) {
    throw new GatewayError('client-gone', 'could not read a form: the connection broke', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function decode(latin1: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(latin1)) return null;
  const bytes = latin1
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

function refused(status: 400 | 408 | 413 | 415, reason: string): FormResult {
  return { kind: 'refused', status, reason };
}
