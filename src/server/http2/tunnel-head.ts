import { constants, type ServerHttp2Stream } from 'node:http2';
import type { RespondHead } from '../../upstream/upgrade.ts';
import { http2Headers } from './headers.ts';

/** The handshake's own part of HTTP/1.1 (RFC 8441 §5): nothing of it is said in HTTP/2. */
const handshake: ReadonlySet<string> = new Set(['sec-websocket-accept']);

/** Answers an extended CONNECT on its stream: 101 is 200 here (RFC 8441 §5). */
export function createRespondHead(stream: ServerHttp2Stream): RespondHead {
  return (status, headers) => {
    if (stream.destroyed || stream.closed) return;
    const isOpen = status === 101;
    const flat = headers.filter(([name]) => !handshake.has(name.toLowerCase())).flat();
    try {
      const { lines } = http2Headers(flat, isOpen || status === 204);
      stream.respond([':status', String(isOpen ? 200 : status), ...lines]);
    } catch {
      // A head that can't be written, or a session that has gone: there is no tunnel.
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  };
}
