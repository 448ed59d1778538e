import { STATUS_CODES, type ServerResponse } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Answer } from './answer.ts';

export interface WriteOptions {
  /** The request was HEAD: the same headers, the length that GET would get, no body. */
  readonly head?: boolean;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** RFC 9110 §5.5: a CR, LF or NUL in a value would start another line; §15: statuses that never have a body. */
function lines(answer: Answer, body: Buffer): [name: string, value: string][] {
  const headers: [string, string][] = [];
  for (const [name, value] of answer.headers) {
    if (!token.test(name) || !fieldValue.test(value))
      throw new GatewayError('internal', `could not write header ${JSON.stringify(name)}: it would split the answer`);
    headers.push([name, value]);
  }
  if (answer.status >= 200 && answer.status !== 204 && answer.status !== 304)
    headers.push(['Content-Length', String(body.length)]);
  return headers;
}

function bytesOf(answer: Answer): Buffer {
  return typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : answer.body;
}

/**
 * Writes a whole answer. When another answer has already begun, the connection is cut instead: the visitor must see
 * that what came is not whole. Throws `internal` for a header that would split the answer; nothing is written then.
 */
export function writeAnswer(answer: Answer, response: ServerResponse, options: WriteOptions = {}): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = bytesOf(answer);
  const headers = lines(answer, body);
  if (answer.close === true) headers.push(['Connection', 'close']);
  // The reason is named: an answer that could not be written may have left its own behind.
  response.writeHead(answer.status, STATUS_CODES[answer.status] ?? '', headers.flat());
  if (options.head === true || body.length === 0) response.end();
  else response.end(body);
}

/**
 * The answer as bytes for a raw socket (an upgrade that is refused), with `Connection: close`.
 * Throws `internal` for a header that would split the answer.
 */
export function answerBytes(answer: Answer, options: WriteOptions = {}): Buffer {
  const body = bytesOf(answer);
  const head = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Unknown'}`,
    ...lines(answer, body).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), options.head === true ? Buffer.alloc(0) : body]);
}
