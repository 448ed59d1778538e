import type { Unreadable } from './facts.ts';

/** A request as it stood in a HEADERS frame (RFC 9113 §8.3), before anything of it is believed. */
export interface Http2Head {
  /** Flat, in order, `:method` and the other pseudo headers among them. */
  readonly rawHeaders: readonly string[];
  /** The frame was the stream's last: no body follows. */
  readonly endStream: boolean;
  /** What a WebSocket handshake in HTTP/1.1 shall carry as its key: RFC 8441 §5 has none. */
  readonly webSocketKey: string;
}

/** The HTTP/1.1 message that says the same; from here on both are judged alike. */
export interface PlainMessage {
  readonly httpVersion: '1.1';
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
}

/** RFC 9113 §8.2.2: these describe a connection of HTTP/1, and make a request malformed. */
const ofConnections: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const pseudoNames: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path', ':protocol']);

interface Sorted {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly headers: string[];
  readonly cookies: readonly string[];
  readonly host: string | null;
  readonly hasLength: boolean;
}

/**
 * Reads a request of HTTP/2 as the HTTP/1.1 message that an upstream would get for it. Refused is what HTTP/1.1 could not
 * say, or would say in another way: connection headers, an authority beside a different `Host`, a path that is none.
 */
export function plainMessage(head: Http2Head): PlainMessage | Unreadable {
  const sorted = sort(head.rawHeaders);
  if ('reason' in sorted) return sorted;
  const { pseudo, headers, cookies, host, hasLength } = sorted;
  const method = pseudo.get(':method');
  const scheme = pseudo.get(':scheme');
  const path = pseudo.get(':path');
  if (method === undefined) return bad('missing-pseudo-header');
  const protocol = pseudo.get(':protocol');
  const connects = method === 'CONNECT';
  if (connects && protocol === undefined) return { status: 405, reason: 'method-not-allowed' };
  if (protocol !== undefined && !connects) return bad('protocol-without-connect');
  if (protocol !== undefined && protocol !== 'websocket') return { status: 501, reason: 'upgrade-not-supported' };
  if (scheme === undefined || path === undefined) return bad('missing-pseudo-header');
  // What asks for http inside of TLS was meant for another server.
  if (scheme !== 'https') return bad('bad-scheme');
  if (!path.startsWith('/') && path !== '*') return bad('bad-target');
  const authority = pseudo.get(':authority') ?? host;
  if (authority === null) return bad('missing-host');
  if (host !== null && host.toLowerCase() !== authority.toLowerCase()) return bad('authority-differs-from-host');

  // RFC 9113 §8.2.3: browsers send each cookie in a line of its own.
  if (cookies.length > 0) headers.push('cookie', cookies.join('; '));
  if (protocol !== undefined) {
    if (head.endStream || hasLength) return bad('upgrade-with-body');
    headers.push('connection', 'Upgrade', 'upgrade', protocol, 'sec-websocket-key', head.webSocketKey);
  } else if (!head.endStream && !hasLength) headers.push('transfer-encoding', 'chunked');
  return {
    httpVersion: '1.1',
    method: connects ? 'GET' : method,
    url: path,
    rawHeaders: ['host', authority, ...headers],
  };
}

/** Pseudo headers apart from the rest, each once and first; HTTP/2 knows lower case alone (RFC 9113 §8.2.1, §8.3). */
function sort(raw: readonly string[]): Sorted | Unreadable {
  const pseudo = new Map<string, string>();
  const headers: string[] = [];
  const cookies: string[] = [];
  let host: string | null = null;
  let hasLength = false;
  let isPastPseudo = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (name.startsWith(':')) {
      if (isPastPseudo || pseudo.has(name) || !pseudoNames.has(name)) return bad('bad-pseudo-header');
      pseudo.set(name, value);
      continue;
    }
    isPastPseudo = true;
    if (/[A-Z]/.test(name)) return bad('bad-header-name');
    if (ofConnections.has(name)) return bad('connection-header');
    switch (name) {
      case 'host':
        if (host !== null) return bad('duplicate-host');
        host = value;
        break;
      case 'cookie':
        cookies.push(value);
        break;
      case 'te':
        if (value.toLowerCase() !== 'trailers') return bad('connection-header');
        headers.push(name, value);
        break;
      // The key that the upstream's answer is checked by is ours.
      case 'sec-websocket-key':
        if (!pseudo.has(':protocol')) headers.push(name, value);
        break;
      case 'content-length':
        hasLength = true;
        headers.push(name, value);
        break;
      default:
        headers.push(name, value);
    }
  }
  return { pseudo, headers, cookies, host, hasLength };
}

function bad(reason: string): Unreadable {
  return { status: 400, reason };
}
