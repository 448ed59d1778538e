import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { open, requestHead } from '../client.ts';
import { startNginxProxy } from '../peers/proxies.ts';
import { residentBytes } from '../process.ts';
import { judge, type Bench, type Row } from '../row.ts';
import { startSallyport } from '../sallyport.ts';
import { bars } from '../svg.ts';
import type { Target } from '../targets.ts';

/** Opened first and left open: what the first ones make grow is no cost of the later. */
const warmUpSockets = 500;
const sockets = 6_000;
const settleMs = 6_000;

/** What an open WebSocket takes up on which nothing happens. */
export const webSocketsRow: Row = {
  id: 'websockets',
  title: 'Idle WebSockets',
  limitSeconds: 180,
  run: async (bench) => {
    const upstream = await startWebSocketApp(bench);
    const nginx = bench.keep(await startNginxProxy(bench.directory, upstream));
    const gateway = await startSallyport(bench.directory, { name: 'Sallyport', upstreamPort: upstream, sessions: 200 });
    bench.keep(gateway.target);
    const { cookieName, tokens } = gateway;
    const ours = await kibPerSocket(
      gateway.target,
      tokens.map((token) => `${cookieName}=${token}`),
    );
    const theirs = await kibPerSocket(nginx, [null]);
    return {
      findings: [
        {
          what: 'Memory of an idle WebSocket',
          measured: `${ours.toFixed(1)} KiB`,
          must: '≤ 32 KiB',
          aim: '26 KiB',
          met: judge(ours, { must: 32, aim: 26, better: 'less' }),
        },
      ],
      tables: [
        {
          header: ['', 'KiB of resident memory a WebSocket'],
          lines: [
            ['nginx', theirs.toFixed(1)],
            ['Sallyport', ours.toFixed(1)],
          ],
        },
      ],
      plots: [
        {
          file: 'bench-websockets.svg',
          caption: 'Resident memory of one idle WebSocket',
          svg: bars({
            title: 'KiB of resident memory for one idle WebSocket',
            unit: 'KiB',
            digits: 1,
            entries: [
              { label: 'nginx', value: theirs },
              { label: 'Sallyport', value: ours, isOurs: true },
            ],
          }),
        },
      ],
      notes: [
        `${sockets} sockets of 200 people, beyond the first ${warmUpSockets}; both ends of each are the gateway's.`,
      ],
    };
  },
};

async function kibPerSocket(target: Target, cookies: readonly (string | null)[]): Promise<number> {
  const opened: Socket[] = [];
  const openMany = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 50)
      opened.push(
        ...(await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            openWebSocket(target, cookies[(done + index) % cookies.length] ?? null),
          ),
        )),
      );
    await delay(settleMs);
  };
  try {
    await openMany(warmUpSockets);
    const before = residentBytes(target.pids);
    await openMany(sockets);
    const grown = residentBytes(target.pids) - before;
    return grown / 1_024 / sockets;
  } finally {
    for (const socket of opened) socket.destroy();
  }
}

async function openWebSocket({ port, name }: Target, cookie: string | null): Promise<Socket> {
  const socket = await open(port);
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  socket.write(`${[requestHead(cookie, 'GET /socket HTTP/1.1'), ...upgrade].join('\r\n')}\r\n\r\n`);
  const head = await new Promise<string>((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${name} closed an upgrade`)));
  });
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`${name} answered ${head.slice(0, 40)}`);
  return socket;
}

/** Takes every upgrade and says nothing more. */
async function startWebSocketApp(bench: Bench): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((_request, response) => response.end('ok'));
  server.on('upgrade', (_request, socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve));
  bench.atEnd(async () => {
    for (const socket of open) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
