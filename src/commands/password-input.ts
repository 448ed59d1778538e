import { GatewayError } from '../errors.ts';
import type { CommandContext, Input } from './context.ts';

const longestBytes = 4_096;

/**
 * Reads a password: at a terminal with a question and without echo, else all of standard input less one newline at its
 * end. Throws `usage-invalid` when it is empty, not UTF-8 or longer than 4 KiB.
 */
export async function readPassword(context: CommandContext, question: string): Promise<string> {
  const password = context.stdin.isTTY ? await ask(context, question) : await readAll(context.stdin);
  if (password === '') throw new GatewayError('usage-invalid', 'the password is empty');
  return password;
}

/** Reads a new password; at a terminal twice, as nobody sees what was typed. Throws like `readPassword`. */
export async function readNewPassword(context: CommandContext): Promise<string> {
  const password = await readPassword(context, 'Password: ');
  if (context.stdin.isTTY && (await readPassword(context, 'Once more: ')) !== password)
    throw new GatewayError('usage-invalid', 'the two passwords differ');
  return password;
}

async function readAll(stdin: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > longestBytes + 2) throw tooLong();
    chunks.push(bytes);
  }
  return decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('usage-invalid', 'the password is not UTF-8 text', { cause });
  }
}

function tooLong(): GatewayError {
  return new GatewayError('usage-invalid', 'the password is longer than 4 KiB');
}

async function ask({ stdin, stderr }: CommandContext, question: string): Promise<string> {
  // Before the question: what is typed at once shall not be shown either.
  stdin.setRawMode?.(true);
  stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      const typed: string[] = [];
      const decoder = new TextDecoder();
      const onData = (chunk: Buffer | string): void => {
        const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
        for (const key of text) {
          const end = press(key, typed);
          if (end === undefined && typed.length <= longestBytes) continue;
          stdin.removeListener('data', onData);
          if (end === 'done') resolve(typed.join(''));
          else reject(end === 'cancelled' ? new GatewayError('usage-invalid', 'cancelled') : tooLong());
          return;
        }
      };
      stdin.on('data', onData);
      // After a pause a new listener alone does not make it flow again.
      stdin.resume();
    });
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** One key in raw mode, as a terminal's line editing would take it. */
function press(key: string, typed: string[]): 'done' | 'cancelled' | undefined {
  if (key === '\r' || key === '\n') return 'done';
  if (key === '\u0003') return 'cancelled';
  // Ctrl+D ends an input that has begun, and leaves an empty one.
  if (key === '\u0004') return typed.length > 0 ? 'done' : 'cancelled';
  if (key === '\u007f' || key === '\b') typed.pop();
  else if (key === '\u0015') typed.length = 0;
  else if (key >= ' ') typed.push(key);
  return undefined;
}
