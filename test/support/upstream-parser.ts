import { readChunks } from './raw-answer.ts';

/** One request as the upstream read it. */
export interface RecordedRequest {
  readonly method: string;
  /** Request target, byte for byte (Latin-1). */
  readonly target: string;
  readonly version: string;
  /** In order, spelling of the wire, Latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Number of the connection that carried it. */
  readonly connection: number;
}

/** The head of a request, when its body may still be under way. */
export interface RecordedHead extends Omit<RecordedRequest, 'body' | 'trailers'> {
  readonly framing: { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' };
}

export type HeadReading =
  | { readonly kind: 'head'; readonly head: RecordedHead; readonly rest: Buffer }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'broken'; readonly why: string };

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads a request head strictly: what a careful server would refuse is told as `broken`, and a test fails by it. */
export function readRequestHead(bytes: Buffer, connection: number): HeadReading {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return { kind: 'incomplete' };
  const [requestLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const parts = requestLine.split(' ');
  const [method = '', target = '', version = ''] = parts;

  if (parts.length !== 3 || !token.test(method) || /[\x00-\x20\x7f]/.test(target) || !/^HTTP\/1\.[01]$/.test(version)) {
    return { kind: 'broken', why: `request line ${JSON.stringify(requestLine.slice(0, 200))}` };
  }
  const headers: [string, string][] = [];
  for (const line of lines) {
    const match = /^([^:]*):[ \t]*(.*?)[ \t]*$/.exec(line);

    if (!match || !token.test(match[1]!) || /[\x00-\x08\x0a-\x1f\x7f]/.test(match[2]!)) {
      return { kind: 'broken', why: `header ${JSON.stringify(line.slice(0, 200))}` };
    }
    headers.push([match[1]!, match[2]!]);
  }
  const framing = readFraming(headers);
  if (typeof framing === 'string') return { kind: 'broken', why: framing };
  return {
    kind: 'head',
    head: { method, target, version, headers, connection, framing },
    rest: bytes.subarray(end + 4),
  };
}

function readFraming(headers: readonly (readonly [string, string])[]): RecordedHead['framing'] | string {
  const all = (name: string) => headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const lengths = all('content-length');
  const codings = all('transfer-encoding');
  if (all('host').length !== 1) return `${String(all('host').length)} Host lines`;
  if (lengths.length + codings.length > 1) return 'more than one framing header';
  if (codings[0] !== undefined) {
    return codings[0].toLowerCase() === 'chunked' ? { kind: 'chunked' } : `Transfer-Encoding ${codings[0]}`;
  }
  const length = lengths[0] ?? '0';
  return /^\d{1,15}$/.test(length) ? { kind: 'length', length: Number(length) } : `Content-Length ${length}`;
}

export type BodyReading =
  | { readonly kind: 'request'; readonly request: RecordedRequest; readonly rest: Buffer }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'broken'; readonly why: string };

/** Reads the body that belongs to a head. */
export function readRequestBody(head: RecordedHead, bytes: Buffer): BodyReading {
  const { framing, ...request } = head;
  if (framing.kind === 'length') {
    if (bytes.length < framing.length) return { kind: 'incomplete' };
    const body = Buffer.from(bytes.subarray(0, framing.length));
    return { kind: 'request', request: { ...request, body, trailers: [] }, rest: bytes.subarray(framing.length) };
  }
  const chunks = readChunks(bytes);
  if (chunks === null) return { kind: 'incomplete' };
  if (typeof chunks === 'string') return { kind: 'broken', why: chunks };
  const { body, trailers, rest } = chunks;
  return { kind: 'request', request: { ...request, body, trailers }, rest };
}
