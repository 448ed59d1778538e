import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { wantsUpgrade } from '../request/upgrade.ts';
import { watchAnswers } from './answering.ts';
import type { ListenAddress } from './config.ts';
import { endSocket } from './end-socket.ts';
import { openAddress } from './open-address.ts';

/** Limits of a connection, milliseconds and bytes. Bodies have no limit here: uploads may take as long as they progress. */
const limits = {
  headersTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  checkEveryMs: 2_000,
  maxHeaderBytes: 16_384,
  stalledBodyMs: 60_000,
} as const;

/** How often a draining listener looks for connections that have become idle. */
const sweepEveryMs = 100;

export interface ListenHandlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Bytes that no parser should read as a request; gets the raw socket to answer on. */
  readonly unreadable: (status: 400 | 405 | 408 | 431, socket: Duplex) => void;
}

export interface Listener {
  readonly address: AddressInfo | string;
  /** No new connection, idle ones closed; resolves when the last one is gone. */
  readonly drain: () => Promise<void>;
  /** Cuts what is left. */
  readonly cut: () => void;
}

/** Opens one address. Throws `listen-failed` with what to do when the address can't be had. */
export async function listen(address: ListenAddress, handlers: ListenHandlers): Promise<Listener> {
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    // A visitor who vanished without a word is noticed by TCP, also on a stream that is silent for long.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    insecureHTTPParser: false,
    // All of these are judged by request/read.ts, which sees every header only without Node's own cap (CVE-2026-58044).
    requireHostHeader: false,
    shouldUpgradeCallback: wantsUpgrade,
  });
  server.maxHeadersCount = 0;
  const { lastWordOn, sayGoodbye } = watchAnswers(server);
  server.on('request', handlers.request);
  server.on('checkContinue', handlers.request);
  server.on('checkExpectation', handlers.request);
  server.on('upgrade', handlers.upgrade);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => handlers.unreadable(405, socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const lastWord = lastWordOn(socket);
    if (error.code === 'ECONNRESET' || !socket.writable || lastWord === 'cut') socket.destroy();
    else if (lastWord === 'end') endSocket(socket);
    else handlers.unreadable(clientErrorStatus(error.code), socket);
  });
  const stopWatching = cutStalledUploads(server);
  await openAddress(server, address);
  return {
    address: server.address() ?? '',
    drain: () =>
      new Promise((resolve) => {
        sayGoodbye();
        // Answers that had begun promised to keep their connection; it goes once it is idle.
        const sweep = setInterval(() => server.closeIdleConnections(), sweepEveryMs);
        server.close(() => {
          clearInterval(sweep);
          stopWatching();
          resolve();
        });
        server.closeIdleConnections();
      }),
    cut: () => {
      stopWatching();
      server.closeAllConnections();
    },
  };
}

function clientErrorStatus(code: string | undefined): 400 | 408 | 431 {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

/**
 * Ends connections whose request body has stood still for a minute while we were ready to read it. Long uploads that
 * progress, and ones that wait for a slow upstream, are left alone.
 */
function cutStalledUploads(server: Server): () => void {
  const uploads = new Map<IncomingMessage, number>();
  server.on('request', watch);
  server.on('checkContinue', watch);
  function watch(request: IncomingMessage): void {
    if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) return;
    uploads.set(request, -1);
    request.once('close', () => uploads.delete(request));
    request.once('end', () => uploads.delete(request));
  }
  const timer = setInterval(() => {
    for (const [request, bytesBefore] of uploads) {
      const bytes = request.socket.bytesRead;
      if (bytes === bytesBefore && !request.isPaused() && request.readableFlowing === true) request.socket.destroy();
      else uploads.set(request, bytes);
    }
  }, limits.stalledBodyMs);
  timer.unref();
  return () => clearInterval(timer);
}
