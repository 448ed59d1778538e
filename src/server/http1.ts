import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { wantsUpgrade } from '../request/upgrade.ts';
import { watchAnswers } from './answering.ts';
import { endSocket } from './end-socket.ts';
import type { ServerLimits } from './limits/config.ts';
import type { ListenHandlers } from './listen.ts';
import type { Uploads } from './uploads.ts';

/** How often connections are looked at for timeouts. Milliseconds. */
export const checkEveryMs = 2_000;

export interface Http1Server {
  readonly server: Server;
  /** From now on every answer that has not begun says that it is the connection's last. */
  readonly sayGoodbye: () => void;
}

/** HTTP/1.1 as strict as node has it, with the judgement on headers left to `request/read.ts`. */
export function createHttp1Server(handlers: ListenHandlers, limits: ServerLimits, uploads: Uploads): Http1Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeout,
    // Bodies have no limit here: uploads may take as long as they progress.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: checkEveryMs,
    // A visitor who vanished without a word is noticed by TCP, also on a stream that is silent for long.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    insecureHTTPParser: false,
    // All of these are judged by request/read.ts, which sees every header only without Node's own cap (CVE-2026-58044).
    requireHostHeader: false,
    // A request without a body is over when its head is: no events about a body that never comes (a twentieth of a request).
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: wantsUpgrade,
  });
  server.maxHeadersCount = 0;
  if (limits.connections > 0) server.maxConnections = limits.connections;
  const { lastWordOn, sayGoodbye } = watchAnswers(server);
  if (limits.requestsPerConnection > 0) limitRequests(server, limits.requestsPerConnection);
  const watch = (request: IncomingMessage): void => {
    if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined) return;
    const { socket } = request;
    uploads.watch(request, () => socket.bytesRead);
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.on(event, handlers.request);
  for (const event of ['request', 'checkContinue'] as const) server.on(event, watch);
  server.on('upgrade', (request, socket, head) => handlers.upgrade(request, socket, head));
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => handlers.unreadable(405, socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const lastWord = lastWordOn(socket);
    if (error.code === 'ECONNRESET' || !socket.writable || lastWord === 'cut') socket.destroy();
    else if (lastWord === 'end') endSocket(socket);
    else handlers.unreadable(clientErrorStatus(error.code), socket);
  });
  return { server, sayGoodbye };
}

/** Says on its last answer that a connection carries no more. Node's own `maxRequestsPerSocket` says so and leaves it open. */
function limitRequests(server: Server, most: number): void {
  const counts = new WeakMap<Socket, number>();
  const count = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const requests = (counts.get(socket) ?? 0) + 1;
    counts.set(socket, requests);
    if (requests >= most) response.shouldKeepAlive = false;
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.prependListener(event, count);
}

function clientErrorStatus(code: string | undefined): 400 | 408 | 431 {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}
