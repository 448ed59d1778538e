import type { Duplex } from 'node:stream';
import { closeFrame } from './upgrade-wire.ts';

/** How long one side may stay open after the other has ended (milliseconds). */
const graceMs = 2_000;

/** Two connections as one. */
export interface Joint {
  /** Ends both at once; a WebSocket's visitor hears the close code (RFC 6455 §7.4). */
  readonly close: (code: number) => void;
}

/**
 * Joins the visitor's connection and the upstream's, with backpressure both ways, until one of them is over; then calls
 * `onOver`, unless `close` was what ended it. Both have their `error` listeners.
 */
export function join(socket: Duplex, upstream: Duplex, isWebSocket: boolean, onOver: () => void): Joint {
  let closed = false;
  socket.once('close', () => {
    upstream.destroy();
    if (!closed) onOver();
  });
  upstream.once('close', () => {
    // The visitor is being told, and has a moment of its own to hear it.
    if (closed) return;
    // Cut off in mid-stream: so is the visitor. Ended: what is under way still arrives.
    if (!upstream.readableEnded) socket.destroy();
    else destroyLater(socket.end());
  });
  if (isWebSocket) {
    // A WebSocket has no use for half a connection.
    socket.once('end', () => destroyLater(socket));
    upstream.once('end', () => destroyLater(upstream));
  }
  socket.pipe(upstream).pipe(socket);

  return {
    close: (code) => {
      closed = true;
      // From now on nothing passes, in either direction.
      upstream.unpipe(socket);
      socket.unpipe(upstream);
      socket.resume();
      socket.end(isWebSocket ? closeFrame(code) : undefined);
      destroyLater(socket);
      upstream.destroy();
    },
  };
}

/** Leaves the other end a moment to read what was written. */
export function destroyLater(stream: Duplex): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), graceMs);
  stream.once('close', () => clearTimeout(timer));
}
