/**
 * Headers that concern one connection only and never cross the gateway (RFC 9110 §7.6.1, with the proxy's own family and
 * HTTP/2 upgrades). `Trailer` is decided where the framing is known.
 */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** True for a header of this hop; takes the name in lower case. */
export function isHopByHop(lowerName: string): boolean {
  return hopByHop.has(lowerName);
}

/** `Connection` may not name these: the next server would read another message than the one we judged. */
const endToEnd: ReadonlySet<string> = new Set(['host', 'cookie', 'set-cookie', 'content-length', 'transfer-encoding']);

/**
 * Names that a `Connection` value declares to be for this hop only, in lower case; null for the values that nearly
 * everybody sends and that name no header.
 */
export function namedInConnection(value: string): readonly string[] | null {
  switch (value) {
    case 'keep-alive':
    case 'Keep-Alive':
    case 'close':
    case 'Upgrade':
    case 'upgrade':
    case 'keep-alive, Upgrade':
      return null;
    default: {
      const names = value
        .toLowerCase()
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && name !== 'close' && !endToEnd.has(name));
      return names.length > 0 ? names : null;
    }
  }
}
