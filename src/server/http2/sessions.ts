import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Http2Head } from '../../request/http2.ts';
import type { Runtime } from '../../runtime.ts';
import type { ServerLimits } from '../limits/config.ts';
import type { ListenHandlers } from '../listen.ts';
import type { Uploads } from '../uploads.ts';
import { Http2Request } from './request.ts';
import { Http2Response } from './response.ts';
import { createRespondHead } from './tunnel-head.ts';

export interface Http2Options {
  readonly handlers: Pick<ListenHandlers, 'request' | 'upgrade'>;
  readonly limits: ServerLimits;
  readonly runtime: Pick<Runtime, 'log' | 'randomBytes'>;
  readonly uploads: Uploads;
}

/** The HTTP/2 connections of one listener. */
export interface Http2Sessions {
  /** Speaks HTTP/2 on a socket whose handshake settled on it. */
  readonly serve: (socket: TLSSocket) => void;
  /** Closes those that were idle for `limits.keepAliveTimeout`; to be called every now and then. */
  readonly sweep: (sinceLastMs: number) => void;
  /** Tells every client that no more requests are taken; connections close when their last stream is over. */
  readonly drain: () => void;
  readonly cut: () => void;
}

interface Session {
  readonly http2: ServerHttp2Session;
  readonly socket: TLSSocket;
  openStreams: number;
  requests: number;
  idleMs: number;
}

/** Room for heads that are refused with 431 in words instead of by a reset: bytes and lines beyond the limits. */
const headerSlack = { factor: 8, lines: 1_000 } as const;

export function createHttp2Sessions({ handlers, limits, runtime, uploads }: Http2Options): Http2Sessions {
  const { log, randomBytes } = runtime;
  const sessions = new Set<Session>();
  const { http2 } = limits;
  let isDraining = false;

  const onStream = (
    session: Session,
    stream: ServerHttp2Stream,
    flags: number,
    rawHeaders: readonly string[],
  ): void => {
    session.openStreams += 1;
    session.requests += 1;
    stream.once('close', () => {
      session.openStreams -= 1;
      session.idleMs = 0;
    });
    if (session.requests === limits.requestsPerConnection) session.http2.close();
    const head: Http2Head = {
      rawHeaders,
      endStream: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
      webSocketKey: '',
    };
    if (isWebSocket(rawHeaders)) {
      const asked = { ...head, webSocketKey: randomBytes(16).toString('base64') };
      const request = new Http2Request(stream, session.socket, asked, true);
      handlers.upgrade(request, stream, Buffer.alloc(0), createRespondHead(stream));
      return;
    }
    const request = new Http2Request(stream, session.socket, head);
    if (!head.endStream) uploads.watch(request, () => request.bytesRead);
    handlers.request(request, new Http2Response(request, stream));
  };

  return {
    serve: (socket) => {
      if (socket.destroyed) return;
      const peerAddress = socket.remoteAddress ?? '';
      const session: Session = {
        http2: performServerHandshake(socket, {
          settings: {
            enableConnectProtocol: true,
            maxConcurrentStreams: http2.concurrentStreams,
            maxHeaderListSize: limits.headerBytes * headerSlack.factor,
            initialWindowSize: 256 * 1024,
            enablePush: false,
          },
          maxHeaderListPairs: limits.headerCount + headerSlack.lines,
          maxSessionMemory: http2.sessionMemory / 1_000_000,
          streamResetBurst: http2.resetBurst,
          streamResetRate: http2.resetRate,
          // Frames and streams in excess end the connection after fewer than node's own numbers.
          maxSessionInvalidFrames: 100,
          maxSessionRejectedStreams: 100,
          strictSingleValueFields: false,
        }),
        socket,
        openStreams: 0,
        requests: 0,
        idleMs: 0,
      };
      sessions.add(session);
      session.http2.setLocalWindowSize(1024 * 1024);
      session.http2.on('stream', (stream, _headers, flags, rawHeaders: readonly string[]) =>
        onStream(session, stream, flags, rawHeaders),
      );
      session.http2.on('error', (error: Error) => {
        // A connection that broke is everyday life; one that was closed for what it sent is not.
        if (!('code' in error) || !String(error.code).startsWith('ERR_HTTP2')) return;
        log.warn('http2.connection-closed', { peerAddress, code: error.code, error: error.message });
      });
      session.http2.on('goaway', (code: number) => {
        if (code !== constants.NGHTTP2_NO_ERROR) log.debug('http2.goaway', { peerAddress, code });
      });
      session.http2.once('close', () => sessions.delete(session));
      if (isDraining) session.http2.close();
    },
    sweep: (sinceLastMs) => {
      for (const session of sessions) {
        if (session.openStreams > 0) continue;
        session.idleMs += sinceLastMs;
        if (session.idleMs > limits.keepAliveTimeout) session.http2.close();
      }
    },
    drain: () => {
      isDraining = true;
      for (const session of sessions) session.http2.close();
    },
    cut: () => {
      for (const session of sessions) session.http2.destroy();
    },
  };
}

/** RFC 8441: an extended CONNECT. Everything else that is odd is judged with the ordinary requests. */
function isWebSocket(rawHeaders: readonly string[]): boolean {
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index] === ':protocol')
      return rawHeaders[index + 1] === 'websocket' && rawHeaders.includes('CONNECT');
  return false;
}
