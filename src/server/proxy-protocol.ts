import type { Socket } from 'node:net';
import { readProxyHeader, type ToldAddress } from '../request/proxy-header.ts';
import type { Log } from '../runtime.ts';

/** What a proxy said about a connection: the client's address, or that it speaks for itself. */
export type Told = ToldAddress | 'itself';

export interface ProxyProtocolOptions {
  /** Proxies that must send the header. Nobody else is believed, or expected to. */
  readonly isTrusted: (address: string) => boolean;
  readonly timeoutMs: number;
  readonly log: Log;
}

export interface ProxyProtocol {
  /** Reads the header of a fresh connection, then hands it on; `told` is null where no header was expected. */
  readonly admit: (socket: Socket, next: (told: Told | null) => void) => void;
  /** A connection from there has to begin with a header. */
  readonly isExpectedFrom: (address: string | undefined) => boolean;
}

/**
 * The PROXY protocol before anything else on a connection. A trusted proxy's connection without a whole and plain header is
 * closed: without it the proxy's own address would count for the visitor's, and what the visitor says for the proxy's word.
 */
export function createProxyProtocol({ isTrusted, timeoutMs, log }: ProxyProtocolOptions): ProxyProtocol {
  // Who may open a unix socket is on this machine.
  const isExpectedFrom = (address: string | undefined): boolean => isTrusted(address ?? '127.0.0.1');

  return {
    isExpectedFrom,
    admit: (socket, next) => {
      if (!isExpectedFrom(socket.remoteAddress)) {
        next(null);
        return;
      }
      let pending: Buffer = Buffer.alloc(0);
      const refuse = (reason: string): void => {
        log.warn('proxy-header.refused', { peerAddress: socket.remoteAddress ?? '', reason });
        socket.destroy();
      };
      const timer = setTimeout(refuse, timeoutMs, 'timeout');
      const read = (chunk: Buffer): void => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        const header = readProxyHeader(pending);
        if (header.kind === 'incomplete') return;
        clearTimeout(timer);
        socket.off('data', read);
        if (header.kind === 'malformed') {
          refuse(header.reason);
          return;
        }
        if (header.client !== null) tellAddress(socket, header.client);
        const rest = pending.subarray(header.bytes);
        if (rest.length > 0) socket.unshift(rest);
        next(header.client ?? 'itself');
      };
      socket.on('data', read);
      socket.once('close', () => clearTimeout(timer));
    },
  };
}

/** From now on the socket's other end is the client, for everybody who asks. */
export function tellAddress(socket: Socket, { address, port }: ToldAddress): void {
  Object.defineProperties(socket, {
    remoteAddress: { value: address },
    remotePort: { value: port },
    remoteFamily: { value: address.includes(':') ? 'IPv6' : 'IPv4' },
  });
}
