/**
 * The app behind the gateway in a soak: `node app.ts PORT`. `/` 1 KiB at once, `/slow` after a while, `POST` reads the body first,
 * upgrades are taken and echo.
 */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';

const slowMs = 200;
const body = 'x'.repeat(1_024);

const server = createServer((request, response) => {
  const answer = (): void => {
    response.setHeader('Content-Type', 'text/html');
    response.end(body);
  };
  request.resume();
  request.once('end', () => {
    if (request.url?.startsWith('/slow')) setTimeout(answer, slowMs);
    else answer();
  });
});
server.on('upgrade', (_request, socket: Socket) => {
  socket.on('error', () => undefined);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
  );
  socket.pipe(socket);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1', 4_096);
