import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { icon, script, style } from './assets.ts';
import { page } from './page.ts';
import { acceptWebSocket } from './web-socket.ts';

const maxFormBytes = 64 * 1024;
const tickMs = 1_000;

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function clock(): string {
  return new Date().toISOString().slice(11, 19);
}

function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  const tick = () => response.write(`data: ${clock()}\n\n`);
  tick();
  const timer = setInterval(tick, tickMs);
  response.on('close', () => clearInterval(timer));
}

async function receiveForm(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxFormBytes) return send(response, 413, 'text/plain; charset=utf-8', 'too large\n');
    chunks.push(chunk);
  }
  const words = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).get('words') ?? '';
  send(response, 200, 'text/html; charset=utf-8', page(request, words));
}

async function receiveUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  send(response, 200, 'application/json', `${JSON.stringify({ bytes, sha256: hash.digest('hex') })}\n`);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0];
  if (request.method === 'POST' && path === '/form') return receiveForm(request, response);
  if (request.method === 'POST' && path === '/upload') return receiveUpload(request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, 'text/plain; charset=utf-8', 'this app knows GET, and POST to its forms\n');
  if (path === '/events') return sendEvents(response);
  if (path === '/demo.css') return send(response, 200, 'text/css; charset=utf-8', style);
  if (path === '/demo.js') return send(response, 200, 'text/javascript; charset=utf-8', script);
  if (path === '/demo.svg' || path === '/favicon.ico') return send(response, 200, 'image/svg+xml', icon);
  if (path === '/headers.json')
    return send(response, 200, 'application/json', `${JSON.stringify(request.rawHeaders)}\n`);
  return send(response, 200, 'text/html; charset=utf-8', page(request, null));
}

/**
 * A small web app to try a gateway on: shows what it received, with a form, an upload, an event stream and a WebSocket.
 * It has no sign-in and knows nothing of the gateway but the header `Remote-User` and two links.
 */
export function createDemoApp(): Server {
  const server = createServer((request, response) => {
    // the only thing that can fail here is a visitor who goes away in the middle
    answer(request, response).catch(() => response.destroy());
  });
  server.requestTimeout = 0;
  server.on('upgrade', (request, socket, head: Buffer) => {
    const end = acceptWebSocket(request, socket, head);
    if (end === null) return;
    const tick = () => end.send(JSON.stringify({ kind: 'clock', text: clock() }));
    const timer = setInterval(tick, tickMs);
    end.onClose(() => clearInterval(timer));
    end.onText((text) => end.send(JSON.stringify({ kind: 'echo', text })));
    tick();
  });
  return server;
}
