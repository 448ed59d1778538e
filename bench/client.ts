import { connect, type Socket } from 'node:net';
import { appCookies, browserHeaders } from './load.ts';

/** One keep-alive connection that asks and waits, over and over: what a single visitor feels. */
export interface Client {
  /** Sends the request and resolves with its status and how long its answer took, milliseconds. */
  readonly ask: () => Promise<{ readonly status: number; readonly ms: number }>;
  readonly close: () => void;
}

/** The head of a request as a browser sends it; `cookie` is a pair `name=token`. */
export function requestHead(cookie: string | null, first = 'GET /wiki/page?id=7 HTTP/1.1'): string {
  const headers = Object.entries(browserHeaders).map(([name, value]) => `${name}: ${value}`);
  return [first, 'Host: app.test', ...headers, `Cookie: ${appCookies}${cookie === null ? '' : `; ${cookie}`}`].join(
    '\r\n',
  );
}

export async function openClient(port: number, cookie: string | null): Promise<Client> {
  const socket = await open(port);
  const bytes = Buffer.from(`${requestHead(cookie)}\r\n\r\n`);
  let pending = '';
  let settle: { resolve: (status: number) => void; reject: (error: Error) => void } | null = null;
  socket.setEncoding('latin1').on('data', (text: string) => {
    pending += text;
    const end = pending.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = pending.slice(0, end);
    const length = /\r\ncontent-length: (\d+)/i.exec(head);
    const isWhole = length === null ? pending.endsWith('\r\n0\r\n\r\n') : pending.length >= end + 4 + Number(length[1]);
    if (!isWhole) return;
    pending = '';
    settle?.resolve(Number(head.slice(9, 12)));
  });
  socket.on('error', (error) => settle?.reject(error));
  socket.on('close', () => settle?.reject(new Error('the connection was closed')));
  return {
    ask: async () => {
      const startedAt = performance.now();
      const answered = new Promise<number>((resolve, reject) => (settle = { resolve, reject }));
      socket.write(bytes);
      const status = await answered;
      return { status, ms: performance.now() - startedAt };
    },
    close: () => socket.destroy(),
  };
}

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
