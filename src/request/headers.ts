import type { RawHeader, Unreadable } from './facts.ts';

/** Header lines after one pass: sorted out where the reader needs them, and free of what parsers disagree on. */
export interface ScannedHeaders {
  readonly headers: readonly RawHeader[];
  /** Names in lower case, at the places of `headers`. */
  readonly names: readonly string[];
  readonly host: string;
  readonly cookies: readonly string[];
  readonly connection: readonly string[];
  readonly upgrade: readonly string[];
  readonly forwardedFor: readonly string[];
  /** The last entry of each: what the nearest proxy wrote. Empty when not sent. */
  readonly forwardedHost: string;
  readonly forwardedProto: string;
  readonly forwardedPort: string;
  readonly hasHttp2Settings: boolean;
  /** A body of at least one byte may follow. */
  readonly hasBody: boolean;
  readonly expectsContinue: boolean;
}

/** How much a request's head may hold. */
export interface HeaderLimits {
  /** Lines. */
  readonly headerCount: number;
  /** Names and values with what stands between them. */
  readonly headerBytes: number;
}

export const defaultHeaderLimits: HeaderLimits = { headerCount: 200, headerBytes: 16 * 1024 };

/** Headers of which a second line would be read by one server and ignored by another. */
const singles: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-length',
  'transfer-encoding',
  'content-type',
  'content-encoding',
  'content-range',
  'destination',
  'origin',
  'proxy-authorization',
  'range',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-websocket-key',
  'sec-websocket-version',
]);

/**
 * Spellings that browsers and tools send, so that the usual name is neither checked nor lower-cased again. What is handed on
 * is the string that stands here: V8 knows its hash, while each name from the wire is a new string that every later look-up
 * (ours, and those of the HTTP client) would have to read again.
 */
const usualNames: ReadonlyMap<string, UsualName> = new Map(
  [
    ...['Host', 'Connection', 'Cache-Control', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Cookie'],
    ...['Authorization', 'Content-Length', 'Content-Type', 'Transfer-Encoding', 'Origin', 'Referer', 'Upgrade'],
    ...['Upgrade-Insecure-Requests', 'Sec-Fetch-Dest', 'Sec-Fetch-Mode', 'Sec-Fetch-Site', 'Sec-Fetch-User'],
    ...['If-None-Match', 'If-Modified-Since', 'Range', 'Expect', 'Priority', 'Pragma', 'DNT', 'Sec-GPC'],
    ...['sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform', 'X-Requested-With'],
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Real-IP'],
  ].flatMap((name): [string, UsualName][] => [
    [name, { name, lower: name.toLowerCase() }],
    [name.toLowerCase(), { name: name.toLowerCase(), lower: name.toLowerCase() }],
  ]),
);

interface UsualName {
  readonly name: string;
  readonly lower: string;
}

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Anything but visible ASCII, blanks and obs-text (RFC 9110 §5.5). */
const badValue = /[^\t\x20-\x7e\x80-\xff]/;

/** One pass over raw header lines, within the limits. */
export function scanHeaders(
  method: string,
  httpVersion: string,
  raw: readonly string[],
  { headerCount, headerBytes }: HeaderLimits = defaultHeaderLimits,
): ScannedHeaders | Unreadable {
  if (!token.test(method)) return bad('bad-method');
  if (raw.length > headerCount * 2) return { status: 431, reason: 'too-many-headers' };
  const headers: RawHeader[] = [];
  const names: string[] = [];
  let bytes = 0;
  let host: string | null = null;
  let contentLength: string | null = null;
  let transferEncoding: string | null = null;
  let expect: string | null = null;
  let hasHttp2Settings = false;
  let forwardedHost = '';
  let forwardedProto = '';
  let forwardedPort = '';
  let cookies = nothing;
  let connection = nothing;
  let upgrade = nothing;
  let forwardedFor = nothing;

  for (let index = 0; index < raw.length; index += 2) {
    let name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    bytes += name.length + value.length + 4;
    if (bytes > headerBytes) return { status: 431, reason: 'headers-too-large' };
    const usual = usualNames.get(name);
    let lower: string;
    if (usual !== undefined) ({ name, lower } = usual);
    else {
      if (!token.test(name)) return bad('bad-header-name');
      lower = name.toLowerCase();
    }
    if (badValue.test(value)) return bad('bad-header-value');
    if (singles.has(lower) && names.includes(lower)) return bad(`duplicate-${lower}`);
    switch (lower) {
      case 'host':
        host = value;
        break;
      case 'cookie':
        cookies = [...cookies, value];
        break;
      case 'connection':
        connection = [...connection, value];
        break;
      case 'upgrade':
        upgrade = [...upgrade, value];
        break;
      case 'content-length':
        contentLength = value;
        break;
      case 'transfer-encoding':
        transferEncoding = value;
        break;
      case 'expect':
        if (expect !== null) return { status: 417, reason: 'bad-expect' };
        expect = value;
        break;
      case 'http2-settings':
        hasHttp2Settings = true;
        break;
      case 'x-forwarded-for':
        forwardedFor = [...forwardedFor, value];
        break;
      case 'x-forwarded-host':
        forwardedHost = lastOf(value);
        break;
      case 'x-forwarded-proto':
        forwardedProto = lastOf(value);
        break;
      case 'x-forwarded-port':
        forwardedPort = lastOf(value);
        break;
      default:
    }
    headers.push([name, value]);
    names.push(lower);
  }

  if (host === null) return bad('missing-host');
  if (host === '') return bad('empty-host');
  const framing = framingFault(httpVersion, contentLength, transferEncoding);
  if (framing !== null) return bad(framing);
  if (expect !== null && expect.toLowerCase() !== '100-continue') return { status: 417, reason: 'bad-expect' };
  return {
    headers,
    names,
    host,
    cookies,
    connection,
    upgrade,
    forwardedFor,
    forwardedHost,
    forwardedProto,
    forwardedPort,
    hasHttp2Settings,
    hasBody: transferEncoding !== null || (contentLength !== null && contentLength !== '0'),
    // RFC 9110 §10.1.1: an HTTP/1.0 client can't wait for 100.
    expectsContinue: expect !== null && httpVersion === '1.1',
  };
}

const nothing: readonly string[] = [];

function bad(reason: string): Unreadable {
  return { status: 400, reason };
}

/** RFC 9112 §6: one way of framing, in its plainest spelling. */
function framingFault(httpVersion: string, length: string | null, encoding: string | null): string | null {
  if (length !== null && encoding !== null) return 'length-and-encoding';
  if (encoding !== null && httpVersion !== '1.1') return 'encoding-on-http-1.0';
  if (encoding !== null && encoding.toLowerCase() !== 'chunked') return 'bad-transfer-encoding';
  return length === null || /^(?:0|[1-9]\d{0,14})$/.test(length) ? null : 'bad-content-length';
}

function lastOf(list: string): string {
  const entry = list.slice(list.lastIndexOf(',') + 1);
  return entry.replace(/^[ \t]+|[ \t]+$/g, '');
}
