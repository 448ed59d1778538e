import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

/** A network in CIDR form (`10.0.0.0/8`, `2001:db8::/32`) or a single address. */
export function networkText() {
  return z.string().refine(isNetworkText, 'is not a network; write 10.0.0.0/8 or 2001:db8::/32');
}

function isNetworkText(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  if (prefix === undefined) return true;
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

/** A set of networks that can be asked about an address. Anything that is not an address is in none. */
export interface NetworkSet {
  readonly size: number;
  readonly has: (address: string) => boolean;
}

/** Compiles CIDR texts (as `networkText` accepts them). IPv4-mapped IPv6 addresses count as IPv4. */
export function createNetworkSet(networks: readonly string[]): NetworkSet {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return {
    size: networks.length,
    has: (address) => {
      if (networks.length === 0) return false;
      const plain = plainAddress(address);
      const family = isIP(plain);
      return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/** Writes an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) as IPv4 and drops a zone; other text comes back as it is. */
export function plainAddress(address: string): string {
  const withoutZone = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(withoutZone);
  return mapped?.[1] ?? withoutZone;
}

/** Who sent a request, as far as trusted proxies can be believed. */
export interface ClientChain {
  readonly clientAddress: string;
  /** The chain to hand on, left to right, without the peer. */
  readonly forwardedFor: readonly string[];
}

/** More proxies than this in a row are a joke or an attack. */
const maxHops = 50;

/**
 * Reads `X-Forwarded-For` lines that a trusted peer sent: the client is the right-most address that is not itself a
 * trusted proxy. Reading stops at the first entry from the right that is no address; what stands left of it is dropped.
 */
export function readForwardedFor(lines: readonly string[], peerAddress: string, trusted: NetworkSet): ClientChain {
  const entries = lines.join(',').split(',').slice(-maxHops);
  const forwardedFor: string[] = [];
  let clientAddress = peerAddress;
  let found = false;
  for (const entry of entries.reverse()) {
    const address = readHop(entry);
    if (address === null) break;
    forwardedFor.unshift(address);
    if (found) continue;
    clientAddress = address;
    found = !trusted.has(address);
  }
  return { clientAddress, forwardedFor };
}

/** One entry of a chain, perhaps with a port as some load balancers write it. */
function readHop(entry: string): string | null {
  const text = entry.replace(/^[ \t]+|[ \t]+$/g, '');
  if (text.length > 60 || text.includes('%')) return null;
  if (isIP(text) !== 0) return plainAddress(text).toLowerCase();
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|(\d+\.\d+\.\d+\.\d+)(?=:))(?::(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  return isIP(address) === 0 || Number(match?.[3] ?? 0) > 65_535 ? null : plainAddress(address).toLowerCase();
}
