import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Runtime } from '../runtime.ts';
import type { RespondHead } from '../upstream/upgrade.ts';
import type { ListenEntry } from './config.ts';
import { checkEveryMs, createHttp1Server } from './http1.ts';
import { createHttp2Sessions } from './http2/sessions.ts';
import type { ServerLimits } from './limits/config.ts';
import { openAddress } from './open-address.ts';
import type { ProxyProtocol, Told } from './proxy-protocol.ts';
import { createTlsDoor, type TlsSettings } from './tls/door.ts';
import { cutStalledUploads } from './uploads.ts';

/** How often a draining listener looks for connections that have become idle. */
const sweepEveryMs = 100;

export interface ListenHandlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** `respondHead` where the socket is a stream of HTTP/2: heads of answers go out by it. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, respondHead?: RespondHead) => void;
  /** Bytes that no parser should read as a request; gets the raw socket to answer on. */
  readonly unreadable: (status: 400 | 405 | 408 | 431, socket: Duplex) => void;
}

export interface ListenOptions {
  readonly entry: ListenEntry;
  readonly handlers: ListenHandlers;
  readonly limits: ServerLimits;
  /** Null where the configuration has no certificates. */
  readonly tls: TlsSettings | null;
  /** Null where no proxy sends the header of the PROXY protocol. */
  readonly proxyProtocol: ProxyProtocol | null;
  readonly runtime: Runtime;
}

export interface Listener {
  readonly address: AddressInfo | string;
  /** No new connection, idle ones closed; resolves when the last one is gone. */
  readonly drain: () => Promise<void>;
  /** Cuts what is left. */
  readonly cut: () => void;
  /** Certificates have been read anew. */
  readonly refreshTls: () => void;
}

/**
 * Opens one address. There is one server of HTTP/1.1, whatever the address speaks; TLS stands before it and takes what is
 * HTTP/2 elsewhere. Throws `listen-failed` with what to do when the address can't be had.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { entry, handlers, limits, tls, proxyProtocol, runtime } = options;
  const uploads = cutStalledUploads();
  const { server, sayGoodbye } = createHttp1Server(handlers, limits, uploads);
  const http2 = createHttp2Sessions({ handlers, limits, runtime, uploads });
  const ownListeners = server.listeners('connection');
  const serveHttp1 = (socket: Socket): void => {
    for (const listener of ownListeners) Reflect.apply(listener, server, [socket]);
  };
  const proxied = proxyProtocol !== null && entry.proxyProtocol !== false ? proxyProtocol : null;
  const door =
    tls === null || entry.tls === false
      ? null
      : createTlsDoor({
          ...tls,
          handshakeTimeoutMs: limits.handshakeTimeout,
          isProxied: (address) => proxied?.isExpectedFrom(address) === true,
          log: runtime.log,
          serveHttp1,
          serveHttp2: http2.serve,
        });
  /** Connections behind a door; the server of HTTP/1.1 knows of its own alone. */
  const behindDoor = new Set<Socket>();
  if (door !== null || proxied !== null) {
    const admit = (socket: Socket, told: Told | null): void => {
      if (door === null) serveHttp1(socket);
      else door.admit(socket, told);
    };
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      behindDoor.add(socket);
      socket.once('close', () => behindDoor.delete(socket));
      // What breaks later is told by the TLS socket around it.
      socket.on('error', () => socket.destroy());
      if (proxied === null) admit(socket, null);
      else proxied.admit(socket, (told) => admit(socket, told));
    });
  }
  tellOfDrops(server, limits.connections, runtime);
  const sweeping = setInterval(() => http2.sweep(checkEveryMs), checkEveryMs).unref();
  const stop = (): void => {
    uploads.stop();
    clearInterval(sweeping);
  };
  const closeIdle = (): void => {
    server.closeIdleConnections();
    // Nothing has been said on these yet. A handshake under way has its own time limit.
    for (const socket of behindDoor) if (socket.bytesRead === 0) socket.destroy();
  };
  await openAddress(server, entry);
  return {
    address: server.address() ?? '',
    drain: () =>
      new Promise((resolve) => {
        sayGoodbye();
        http2.drain();
        // Answers that had begun promised to keep their connection; it goes once it is idle.
        const sweep = setInterval(closeIdle, sweepEveryMs);
        server.close(() => {
          clearInterval(sweep);
          stop();
          resolve();
        });
        closeIdle();
      }),
    cut: () => {
      stop();
      server.closeAllConnections();
      http2.cut();
      for (const socket of behindDoor) socket.destroy();
    },
    refreshTls: () => door?.refresh(),
  };
}

/** How often a full house is told of. Milliseconds. */
const tellEveryMs = 10_000;

function tellOfDrops(server: Server, most: number, { log, now }: Pick<Runtime, 'log' | 'now'>): void {
  let dropped = 0;
  let toldAtMs = -Infinity;
  server.on('drop', () => {
    dropped += 1;
    if (now() - toldAtMs < tellEveryMs) return;
    log.warn('connections.full', { most, dropped });
    toldAtMs = now();
    dropped = 0;
  });
}
