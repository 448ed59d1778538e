import type { Duplex } from 'node:stream';

/** Writes the last bytes on a raw socket and sees to it that the socket goes away even when the other end does not read. */
export function endSocket(socket: Duplex, bytes: Buffer = Buffer.alloc(0)): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(bytes);
  socket.resume();
  const giveUp = setTimeout(() => socket.destroy(), 2_000);
  giveUp.unref();
  socket.once('close', () => clearTimeout(giveUp));
}
