import type { Socket } from 'node:net';

/**
 * An upstream may answer before it has read the whole body (413 to a large upload) and hang up. Our next write then fails
 * while its answer still lies unread in our receive buffer, and node would tear the socket down with it. So a failed write
 * is held back: reading goes on and ends by itself, with the answer or with the connection's own error.
 */
export function readBeforeFailing(socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, callback) => {
    write(chunk, encoding, (error) => settle(socket, error, callback));
  };
  if (writev) {
    socket._writev = (chunks, callback) => {
      writev(chunks, (error) => settle(socket, error, callback));
    };
  }
}

/** Long enough for what has arrived to be read, short enough for a visitor not to wait. */
const graceMs = 1_000;

function settle(socket: Socket, error: Error | null | undefined, callback: (error?: Error | null) => void): void {
  if (error && isHangUp(error) && !socket.destroyed) setTimeout(callback, graceMs, error).unref();
  else callback(error);
}

function isHangUp(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ECONNRESET';
}
