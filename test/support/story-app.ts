import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';

/** A small app of pages for stories in a browser: knows nothing of the gateway but the user header. */
export interface StoryApp {
  readonly origin: string;
  /** Sockets that are open now. */
  readonly openSockets: () => number;
  /** Requests so far, `METHOD URL`. */
  readonly requests: readonly string[];
  /** Answers every request for `/held` that waits. */
  readonly release: () => void;
  /** Requests for `/held` that wait. */
  readonly held: () => number;
  readonly stop: () => Promise<void>;
}

function page(request: IncomingMessage): string {
  const user = String(request.headers['remote-user'] ?? 'nobody');
  const live =
    request.url?.startsWith('/live') === true
      ? `<script>
           const socket = new WebSocket('ws://' + location.host + '/ws');
           socket.onopen = () => { document.getElementById('state').textContent = 'open'; };
           socket.onclose = () => { document.getElementById('state').textContent = 'closed'; };
         </script>`
      : '';
  return `<!doctype html><html lang="en"><head><title>Story app</title></head><body>
    <h1>Secret page</h1>
    <p id="user">${user}</p>
    <p id="url">${(request.url ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</p>
    <p id="state">none</p>
    <p id="cookies">${String(request.headers.cookie ?? '')}</p>
    <a id="out" href="/_auth/sign-out">Sign out</a>
    ${live}</body></html>`;
}

export async function startStoryApp(): Promise<StoryApp> {
  const requests: string[] = [];
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    request.resume();
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('cache-control', 'no-store');
    if (request.url?.startsWith('/held') === true) {
      // Part of the answer is on its way: whoever cuts the connection now is found out.
      response.write('held\n');
      waiting.push(() => response.end('released\n'));
    } else response.end(page(request));
  });
  const sockets = new WebSocketServer({ server, path: '/ws' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    openSockets: () => sockets.clients.size,
    requests,
    release: () => {
      for (const finish of waiting) finish();
      waiting = [];
    },
    held: () => waiting.length,
    stop: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
