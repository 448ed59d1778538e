/**
 * Takes uploads as fast as they come, or as slow as asked for: `node sink-main.ts PORT`. Reads bodies with a length and counts them,
 * no more, so that it is not what is measured. `POST /slow?RATE` is read at RATE bytes a second.
 */
import { createServer, type Socket } from 'node:net';

const port = Number(process.argv[2]);
createServer({ noDelay: true }, (socket) => {
  let head = '';
  let left = -1;
  let bytesPerSecond = 0;
  socket.on('data', (chunk: Buffer) => {
    let body = chunk.length;
    if (left === -1) {
      const before = head.length;
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      bytesPerSecond = Number(/^\w+ \/slow\?(\d+)/.exec(head)?.[1] ?? 0);
      body = before + chunk.length - end - 4;
      head = '';
    }
    left -= body;
    if (left <= 0) {
      left = -1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    } else if (bytesPerSecond > 0) rest(socket, (body / bytesPerSecond) * 1_000);
  });
  socket.on('error', () => undefined);
}).listen(port, '127.0.0.1');

function rest(socket: Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms);
}
