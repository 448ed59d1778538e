import { isIP, isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './client-address.ts';

/** Who is at the other end of a proxied connection. */
export interface ToldAddress {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly reason: string }
  /** `client` is null where the proxy speaks for itself (LOCAL, UNKNOWN, a family without addresses). */
  | { readonly kind: 'header'; readonly bytes: number; readonly client: ToldAddress | null };

/** `PROXY TCP6 ` with two longest addresses and ports, and CRLF (the specification's own number). */
const longestV1 = 107;
/** Address blocks and extensions of version 2; the specification lets them be 64 KiB, and nobody needs that. */
const longestV2 = 4096;

const signatureV1 = Buffer.from('PROXY ');
const signatureV2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/**
 * Reads the header that a TCP proxy puts before everything else (PROXY protocol, versions 1 and 2, haproxy.org). Strict: what
 * is not whole and plain is malformed. Never asks for more than 4 KiB.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, signatureV2)) return bytes.length < 16 ? { kind: 'incomplete' } : readV2(bytes);
  if (startsLike(bytes, signatureV1)) return readV1(bytes);
  return malformed('no-header');
}

/** As far as there are bytes, they are the signature's. */
function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}

function malformed(reason: string): ProxyHeader {
  return { kind: 'malformed', reason };
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end < 0) return bytes.length < longestV1 ? { kind: 'incomplete' } : malformed('header-too-long');
  if (end + 2 > longestV1) return malformed('header-too-long');
  const line = bytes.subarray(0, end).toString('latin1');
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line)) return { kind: 'header', bytes: end + 2, client: null };
  const match = /^PROXY TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) return malformed('bad-header');
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = match;
  const isRight = family === '4' ? isIPv4 : isIPv6;
  if (!isRight(source) || !isRight(destination)) return malformed('bad-address');
  const port = readPort(sourcePort);
  if (port === null || readPort(destinationPort) === null) return malformed('bad-port');
  return { kind: 'header', bytes: end + 2, client: { address: plainAddress(source), port } };
}

function readPort(digits: string): number | null {
  return /^(?:0|[1-9]\d*)$/.test(digits) && Number(digits) <= 65_535 ? Number(digits) : null;
}

/** Commands and families of version 2, as they stand in its bytes 13 and 14. */
const v2 = { local: 0x20, proxy: 0x21, tcp4: 0x11, tcp6: 0x21 } as const;

function readV2(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = bytes.readUInt16BE(14);
  if (command !== v2.local && command !== v2.proxy) return malformed('bad-command');
  if (length > longestV2) return malformed('header-too-long');
  if (family === v2.tcp4 && length < 12) return malformed('bad-length');
  if (family === v2.tcp6 && length < 36) return malformed('bad-length');
  if (bytes.length < 16 + length) return { kind: 'incomplete' };
  return { kind: 'header', bytes: 16 + length, client: command === v2.local ? null : clientOf(bytes, family) };
}

/** Families without an IP address of a TCP client (unspecified, UDP, unix) tell nothing about it. */
function clientOf(bytes: Buffer, family: number): ToldAddress | null {
  if (family === v2.tcp4) return { address: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(24) };
  if (family !== v2.tcp6) return null;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(16 + index * 2).toString(16));
  const address = plainAddress(shortest(groups.join(':')));
  return isIP(address) === 0 ? null : { address, port: bytes.readUInt16BE(48) };
}

/** As sockets write it: `::1`, and `::ffff:10.0.0.1` for an IPv4 address. */
function shortest(address: string): string {
  const mapped = /^0:0:0:0:0:ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped === null) return new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [high, low] = [mapped[1], mapped[2]].map((group) => Number.parseInt(group ?? '', 16));
  return `::ffff:${[(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join('.')}`;
}
