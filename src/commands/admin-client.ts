import { request } from 'node:http';
import { GatewayError } from '../errors.ts';
import { readListenAddress } from '../server/config.ts';

const timeoutMs = 10_000;
/** A million sessions and more. */
const maxAnswerBytes = 512 * 1024 ** 2;

/** Asks the admin listener of a running gateway. */
export interface AdminClient {
  /** The parsed JSON of the answer. Throws `admin-unreachable`. */
  readonly ask: (method: 'GET' | 'POST' | 'DELETE', path: string) => Promise<unknown>;
}

/**
 * A client of the listener at `admin.listen`. Throws `config-invalid` when that is off or has no fixed port.
 *
 * @example await createAdminClient(config.admin.listen).ask('GET', '/sessions')
 */
export function createAdminClient(listen: string): AdminClient {
  const target = targetOf(listen);
  return { ask: (method, path) => ask(listen, { ...target, method, path }) };
}

type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number };

function targetOf(listen: string): Target {
  if (listen === 'off') {
    throw new GatewayError(
      'config-invalid',
      'admin.listen is off, so a running gateway can not be asked; write admin.listen: 127.0.0.1:9090 and restart it',
    );
  }
  const address = readListenAddress(listen);
  if (address?.kind === 'unix') return { socketPath: address.path };
  if (address === undefined || address.port === 0) {
    throw new GatewayError('config-invalid', `admin.listen ${listen} names no port that could be asked; write one`);
  }
  // Listening on every address includes this machine's own.
  const own: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: own[address.host] ?? address.host, port: address.port };
}

function ask(listen: string, options: Target & { readonly method: string; readonly path: string }): Promise<unknown> {
  const unreachable = (why: string, cause?: unknown): GatewayError =>
    new GatewayError('admin-unreachable', `could not ask the gateway at ${listen}: ${why}`, { cause });
  return new Promise((resolve, reject) => {
    // Not the configured name: the listener refuses names that DNS could have led here.
    const headers = { Accept: 'application/json', Host: 'localhost' };
    const asking = request({ ...options, headers, agent: false, timeout: timeoutMs }, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) asking.destroy(new Error('its answer is too long'));
        else chunks.push(chunk);
      });
      answer.on('error', (error) => reject(unreachable(error.message, error)));
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        const body = readJson(Buffer.concat(chunks).toString('utf8'));
        // 404 with a count is an answer too: the session was not there.
        const isAnswer = (status >= 200 && status < 300) || (status === 404 && isObject(body) && 'ended' in body);
        if (isAnswer && body !== undefined) resolve(body);
        else reject(unreachable(`it answered ${status}${detailOf(body)}; is this the admin listener?`));
      });
    });
    asking.on('timeout', () => asking.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    asking.on('error', (error) => reject(unreachable(explain(error), error)));
    asking.end();
  });
}

function explain(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED' || code === 'ENOENT')
    return 'nobody listens there; is it running with this configuration?';
  if (code === 'EACCES') return 'this account may not open the socket';
  return error.message;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function detailOf(body: unknown): string {
  const text = isObject(body) && 'error' in body ? body.error : undefined;
  return typeof text === 'string' ? ` (${text})` : '';
}
