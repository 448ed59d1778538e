/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly statusLine: string;
  /** `[name, value]` in order, in the spelling of the wire, values in Latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** `[name, value]` of the trailer section of a chunked answer. */
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Status codes of interim answers (1xx) that came before this one. */
  readonly interim: readonly number[];
}

/** Every value of a header of an answer or a recorded request, by its name in any case. */
export function valuesOf(
  message: { readonly headers: readonly (readonly [name: string, value: string])[] },
  name: string,
): string[] {
  const wanted = name.toLowerCase();
  return message.headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/** The first value of a header, or undefined. */
export function valueOf(message: Parameters<typeof valuesOf>[0], name: string): string | undefined {
  return valuesOf(message, name)[0];
}

/** What became of reading one answer from the front of the bytes. */
export type AnswerReading =
  | { readonly kind: 'answer'; readonly answer: RawAnswer; readonly rest: Buffer; readonly tunnel: boolean }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'broken'; readonly why: string };

/**
 * Reads one whole answer, with its interim ones, strictly by RFC 9112. `method` is the request's, because HEAD has no body.
 * `ended`: the other side sent FIN, so a body without length is whole.
 */
export function readAnswer(bytes: Buffer, method: string, ended: boolean): AnswerReading {
  const interim: number[] = [];
  let rest = bytes;
  for (;;) {
    const head = readHead(rest);
    if (head === null) return { kind: 'incomplete' };
    if (typeof head === 'string') return { kind: 'broken', why: head };
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      interim.push(head.status);
      rest = head.rest;
      continue;
    }
    const whole = { status: head.status, statusLine: head.statusLine, headers: head.headers, interim };
    if (head.status === 101) {
      return {
        kind: 'answer',
        answer: { ...whole, body: Buffer.alloc(0), trailers: [] },
        rest: head.rest,
        tunnel: true,
      };
    }
    const body = readBody(head.headers, head.status, head.rest, method, ended);
    if (body === null) return { kind: 'incomplete' };
    if (typeof body === 'string') return { kind: 'broken', why: body };
    return {
      kind: 'answer',
      answer: { ...whole, body: body.body, trailers: body.trailers },
      rest: body.rest,
      tunnel: false,
    };
  }
}

interface Head {
  status: number;
  statusLine: string;
  headers: [string, string][];
  rest: Buffer;
}

function readHead(bytes: Buffer): Head | null | string {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3})( .*)?$/.exec(statusLine);
  if (!match) return `not a status line: ${JSON.stringify(statusLine.slice(0, 80))}`;
  const headers = readLines(lines);
  if (typeof headers === 'string') return headers;
  return { status: Number(match[1]), statusLine, headers, rest: bytes.subarray(end + 4) };
}

function readLines(lines: readonly string[]): [string, string][] | string {
  const headers: [string, string][] = [];
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);

    if (!match || /[\x00-\x08\x0a-\x1f\x7f]/.test(line)) return `not a header: ${JSON.stringify(line.slice(0, 80))}`;
    headers.push([match[1]!, match[2]!]);
  }
  return headers;
}

interface Body {
  body: Buffer;
  trailers: [string, string][];
  rest: Buffer;
}

function readBody(
  headers: [string, string][],
  status: number,
  bytes: Buffer,
  method: string,
  ended: boolean,
): Body | null | string {
  const lengths = valuesOf({ headers }, 'content-length');
  const codings = valuesOf({ headers }, 'transfer-encoding');
  if (lengths.length > 1 || codings.length > 1) return 'more than one length or coding';
  if (lengths.length > 0 && codings.length > 0) return 'both Content-Length and Transfer-Encoding';
  if (method === 'HEAD' || status === 204 || status === 304)
    return { body: Buffer.alloc(0), trailers: [], rest: bytes };
  if (codings[0] !== undefined) return readChunks(bytes);
  if (lengths[0] === undefined) return ended ? { body: bytes, trailers: [], rest: Buffer.alloc(0) } : null;
  const length = Number(lengths[0]);
  if (bytes.length < length) return null;
  return { body: bytes.subarray(0, length), trailers: [], rest: bytes.subarray(length) };
}

/** Reads a chunked body with its trailers; null when it is not whole, text when it is wrong. */
export function readChunks(bytes: Buffer): Body | null | string {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const line = bytes.subarray(at, lineEnd).toString('latin1');
    if (!/^[0-9a-fA-F]{1,8}(;.*)?$/.test(line)) return `not a chunk size: ${JSON.stringify(line.slice(0, 40))}`;
    const size = parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return null;
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
    if (bytes.subarray(at - 2, at).toString('latin1') !== '\r\n') return 'chunk without line end';
  }
  const lines: string[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const line = bytes.subarray(at, lineEnd).toString('latin1');
    at = lineEnd + 2;
    if (line === '') break;
    lines.push(line);
  }
  const trailers = readLines(lines);
  if (typeof trailers === 'string') return trailers;
  return { body: Buffer.concat(parts), trailers, rest: bytes.subarray(at) };
}
