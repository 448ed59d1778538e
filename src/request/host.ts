import { isIP, isIPv6 } from 'node:net';

/** A host with its port, as `Host` or a request target names it. */
export interface Authority {
  /** Lower case, without a trailing dot; IPv6 in brackets and in its shortest form. */
  readonly host: string;
  /** Null when none was written. */
  readonly port: number | null;
}

/**
 * Host names that apps really have: letters, digits, `-`, `_`, labels that are not empty, perhaps a dot at the end.
 * No percent-encoding, no user, no list; the port is never empty.
 */
const named = /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/;
const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/;
const upperCase = /[A-Z]/;

/** Reads `host`, `host:port`, `[v6]` or `[v6]:port` strictly; null for everything else. */
export function readAuthority(text: string): Authority | null {
  if (text.length > 260) return null;
  const match = named.exec(text);
  if (match?.[1] === undefined) return readBracketed(text);
  const port = readPort(match[2]);
  if (port === undefined) return null;
  return { host: upperCase.test(match[1]) ? match[1].toLowerCase() : match[1], port };
}

function readBracketed(text: string): Authority | null {
  const match = bracketed.exec(text);
  const port = readPort(match?.[2]);
  if (match?.[1] === undefined || !isIPv6(match[1]) || port === undefined) return null;
  return { host: new URL(`http://[${match[1]}]/`).hostname, port };
}

/** Reads a port from 1 to 65535; null for none, undefined for what is not a port. */
export function readPort(digits: string | undefined): number | null | undefined {
  if (digits === undefined) return null;
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** True for a name or address (without brackets) of this very machine, which nobody else can listen in on. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
