import { connect, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Dispatcher } from 'undici';
import { Http2Request } from './request.ts';

export interface Http2ClientOptions {
  /** `http://host:port` (prior knowledge, h2c) or `https://host:port` (agreed on by ALPN). */
  readonly origin: string;
  /** Opens a connection; with https one that offers HTTP/2. */
  readonly open: (callback: OpenCallback) => void;
  /** From an open connection to the peer's settings, which prove that it speaks HTTP/2. Milliseconds. */
  readonly settingsMs: number;
  /** From the end of the request to the head of the answer; 0: no limit. Milliseconds. */
  readonly firstByteMs: number;
  /** An answer in which nothing moves is given up; 0: no limit. Milliseconds. */
  readonly idleMs: number;
}

export type OpenCallback = (...result: [null, Socket | TLSSocket] | [Error, null]) => void;

/** Requests over HTTP/2 to one upstream, behind the part of undici's dispatcher that exchanges use. */
export interface Http2Client {
  readonly dispatch: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => boolean;
  /** Waits for what is under way, then closes every connection. */
  readonly close: () => Promise<void>;
}

/** Streams that we open at once on a connection, however many the peer allows. */
const mostStreams = 1_000;
/** Connections to one upstream; a second one is opened when all streams of the first are taken. */
const mostSessions = 8;
/** A connection without streams is kept this long. Milliseconds. */
const keepMs = 60_000;
/** How long a connection may take at most to prove that it lives after a request timed out on it, and at least. Milliseconds. */
const proofMs = { most: 5_000, least: 1_000 };

const sessionOptions = {
  settings: { enablePush: false, initialWindowSize: 256 * 1024, maxHeaderListSize: 64 * 1024 },
  // Bounded by our own flow control; node's 10 MB would refuse streams on a busy connection.
  maxSessionMemory: 512,
} as const;
const connectionWindowBytes = 2 * 1024 * 1024;

interface Session {
  readonly http2: ClientHttp2Session;
  streams: number;
  /** A request was sent on it before. */
  isUsed: boolean;
  idle: NodeJS.Timeout | undefined;
}

/** Multiplexes requests over as few connections as their number needs. Nothing is opened before the first request. */
export function createHttp2Client(options: Http2ClientOptions): Http2Client {
  const { origin, open, settingsMs, firstByteMs } = options;
  const sessions: Session[] = [];
  const waiting: Http2Request[] = [];
  let isOpening = false;
  let running = 0;
  let closed: { readonly resolve: () => void } | null = null;

  const isUsable = ({ http2, streams }: Session): boolean =>
    !http2.closed &&
    !http2.destroyed &&
    streams < Math.min(mostStreams, http2.remoteSettings.maxConcurrentStreams ?? mostStreams);

  const place = (request: Http2Request): void => {
    const session = sessions.find(isUsable);
    if (session !== undefined) {
      send(request, session);
      return;
    }
    waiting.push(request);
    openOneMore();
  };

  const send = (request: Http2Request, session: Session): void => {
    const stream = request.send(session.http2, session.isUsed);
    if (stream === null) return;
    session.isUsed = true;
    session.streams += 1;
    running += 1;
    clearTimeout(session.idle);
    stream.once('close', () => {
      session.streams -= 1;
      running -= 1;
      if (session.streams === 0) keepForAWhile(session);
      serveWaiting();
    });
  };

  const keepForAWhile = (session: Session): void => {
    session.idle = setTimeout(() => session.http2.close(), keepMs).unref();
  };

  const serveWaiting = (): void => {
    while (waiting.length > 0) {
      const session = sessions.find(isUsable);
      if (session === undefined) break;
      const [request] = waiting.splice(0, 1);
      if (request !== undefined) send(request, session);
    }
    if (waiting.length > 0) openOneMore();
    else if (closed !== null && !isOpening && running === 0) finishClosing();
  };

  const openOneMore = (): void => {
    if (isOpening || sessions.length >= mostSessions) return;
    isOpening = true;
    open((...[error, socket]) => {
      if (error !== null) refuseWaiting(error);
      else if (origin.startsWith('https:') && (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2')) {
        socket.destroy();
        refuseWaiting(noHttp2('the upstream did not agree to HTTP/2 in the TLS handshake'));
      } else greet(socket);
    });
  };

  /** The connection counts once the peer has sent its settings: the first thing that one who speaks HTTP/2 says. */
  const greet = (socket: Socket): void => {
    const http2 = connect(origin, { ...sessionOptions, createConnection: () => socket });
    const session: Session = { http2, streams: 0, isUsed: false, idle: undefined };
    let cause: Error = noHttp2('the upstream hung up before it had spoken HTTP/2');
    let isReady = false;
    const timer = setTimeout(() => {
      http2.destroy(Object.assign(new Error('the upstream sent no settings'), { code: 'UND_ERR_CONNECT_TIMEOUT' }));
    }, settingsMs);
    http2.once('connect', () => http2.setLocalWindowSize(connectionWindowBytes));
    http2.once('remoteSettings', () => {
      clearTimeout(timer);
      isReady = true;
      isOpening = false;
      sessions.push(session);
      keepForAWhile(session);
      serveWaiting();
    });
    // More streams may be allowed from now on.
    http2.on('remoteSettings', serveWaiting);
    http2.on('error', (error: Error) => {
      cause = error;
    });
    // Streams that the peer still serves go on; the next request gets another connection.
    http2.once('goaway', () => leave(session));
    http2.once('close', () => {
      clearTimeout(timer);
      clearTimeout(session.idle);
      leave(session);
      if (!isReady) refuseWaiting(cause);
      else serveWaiting();
    });
  };

  const leave = (session: Session): void => {
    const index = sessions.indexOf(session);
    if (index >= 0) sessions.splice(index, 1);
  };

  /** Nobody can be served by the connection that could not be had; where others stand, their streams may come free. */
  const refuseWaiting = (error: Error): void => {
    isOpening = false;
    if (sessions.length > 0) return;
    // Nothing was sent: another target may be asked.
    Object.assign(error, { neverConnected: true });
    for (const request of waiting.splice(0)) request.fail(error);
    serveWaiting();
  };

  /** A request timed out: on a connection that is dead all would. */
  const askForLife = (http2: ClientHttp2Session): void => {
    if (http2.closed || http2.destroyed) return;
    const ms = Math.min(proofMs.most, Math.max(proofMs.least, firstByteMs));
    const timer = setTimeout(() => http2.destroy(new Error('the connection is dead')), ms).unref();
    http2.ping(() => clearTimeout(timer));
  };

  const finishClosing = (): void => {
    for (const { http2, idle } of [...sessions]) {
      clearTimeout(idle);
      http2.close();
    }
    closed?.resolve();
  };

  return {
    dispatch: (asked, handler) => {
      const request = new Http2Request({
        request: asked,
        handler,
        origin,
        limits: options,
        again: place,
        suspect: askForLife,
      });
      request.start();
      if (!request.aborted) place(request);
      return true;
    },
    close: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      closed = { resolve };
      serveWaiting();
      return promise;
    },
  };
}

function noHttp2(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_HTTP2_NOT_SPOKEN' });
}
