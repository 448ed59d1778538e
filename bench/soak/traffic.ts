import { connect, type Socket } from 'node:net';
import { requestHead } from '../client.ts';

/** What became of one request. Times are those of `performance.now()`. */
export interface Outcome {
  readonly startedMs: number;
  readonly endedMs: number;
  /** 0: no whole answer. */
  readonly status: number;
  /** Why there was none. */
  readonly error: string | null;
}

export interface Traffic {
  /** Requests a second from now on; Infinity: as many as there are answers. */
  readonly setRate: (perSecond: number) => void;
  /** Answers that were whole and 200 since the last call. */
  readonly takeServed: () => number;
  /** Requests that had to wait as all connections were busy, since the beginning. */
  readonly late: () => number;
  /** Lets those under way end, and closes. */
  readonly stop: () => Promise<void>;
}

export interface TrafficOptions {
  readonly port: number;
  /** Pairs `name=token`. */
  readonly cookies: readonly string[];
  readonly connections: number;
  readonly onFailure: (outcome: Outcome) => void;
}

const tickMs = 5;
const largestBacklog = 2_000;
const answerLimitMs = 20_000;
const uploadBytes = 16_384;

/** Visitors with keep-alive connections at a fixed rate, whatever the answers: mostly pages, some uploads; a connection is renewed now and then. */
export function startTraffic(options: TrafficOptions): Traffic {
  const { port, cookies, connections, onFailure } = options;
  const pages = cookies.map((cookie) => Buffer.from(`${requestHead(cookie)}\r\n\r\n`));
  const uploads = cookies.map((cookie) =>
    Buffer.from(
      `${requestHead(cookie, 'POST /wiki/edit HTTP/1.1')}\r\nContent-Length: ${uploadBytes}\r\n\r\n${'y'.repeat(uploadBytes)}`,
    ),
  );
  const idle: Visitor[] = [];
  const all = new Set<Visitor>();
  let rate = 0;
  let owed = 0;
  let served = 0;
  let late = 0;
  let number = 0;
  let isOver = false;

  interface Visitor {
    socket: Socket | null;
    requests: number;
    busySinceMs: number;
  }

  const send = (visitor: Visitor): void => {
    visitor.busySinceMs = performance.now();
    visitor.requests += 1;
    number += 1;
    const bytes = (number % 20 === 0 ? uploads : pages)[number % cookies.length] ?? Buffer.alloc(0);
    if (visitor.socket === null) join(visitor);
    visitor.socket?.write(bytes);
  };
  const settle = (visitor: Visitor, status: number, error: string | null): void => {
    if (visitor.busySinceMs === 0) return;
    const startedMs = visitor.busySinceMs;
    visitor.busySinceMs = 0;
    if (status === 200) served += 1;
    else onFailure({ startedMs, endedMs: performance.now(), status, error });
    // Nobody keeps a connection for ever.
    if (error !== null || visitor.requests >= 500) {
      visitor.socket?.destroy();
      visitor.socket = null;
      visitor.requests = 0;
    }
    if (rate === Infinity && !isOver) send(visitor);
    else idle.push(visitor);
  };
  const join = (visitor: Visitor): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    visitor.socket = socket;
    let head = '';
    let left = -1;
    let status = 0;
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk.length;
      if (left === -1) {
        const before = head.length;
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end === -1) return;
        status = Number(head.slice(9, 12));
        left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
        bytes = before + chunk.length - end - 4;
        head = '';
      }
      left -= bytes;
      if (left > 0) return;
      left = -1;
      settle(visitor, status, null);
    });
    const lose = (why: string): void => {
      if (visitor.socket !== socket) return;
      visitor.socket = null;
      settle(visitor, 0, why);
    };
    socket.once('error', (error) => lose(error.message));
    socket.once('close', () => lose('the connection was closed without an answer'));
  };
  for (let count = 0; count < connections; count += 1) {
    const visitor: Visitor = { socket: null, requests: Math.floor((count * 500) / connections), busySinceMs: 0 };
    all.add(visitor);
    idle.push(visitor);
  }

  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    if (rate === Infinity) owed = 0;
    else owed += (rate * (nowMs - lastMs)) / 1_000;
    lastMs = nowMs;
    while (owed >= 1 || (rate === Infinity && idle.length > 0)) {
      const visitor = idle.shift();
      if (visitor === undefined) break;
      if (rate !== Infinity) owed -= 1;
      send(visitor);
    }
    if (owed > largestBacklog) {
      late += Math.floor(owed - largestBacklog);
      owed = largestBacklog;
    }
    for (const visitor of all)
      if (visitor.busySinceMs !== 0 && nowMs - visitor.busySinceMs > answerLimitMs) {
        const { socket } = visitor;
        visitor.socket = null;
        settle(visitor, 0, `no answer in ${answerLimitMs} ms`);
        socket?.destroy();
      }
  }, tickMs);

  return {
    setRate: (perSecond) => {
      rate = perSecond;
      owed = 0;
    },
    takeServed: () => {
      const count = served;
      served = 0;
      return count;
    },
    late: () => late,
    stop: async () => {
      isOver = true;
      rate = 0;
      owed = 0;
      const limitMs = performance.now() + answerLimitMs;
      while (idle.length < all.size && performance.now() < limitMs)
        await new Promise((resolve) => setTimeout(resolve, 20));
      clearInterval(timer);
      for (const visitor of all) {
        const { socket } = visitor;
        visitor.socket = null;
        socket?.destroy();
      }
    },
  };
}

/** People who go away in the middle: of waiting, of an upload, of a handshake, of a WebSocket. Returns how to end it. */
export function startAborts(
  port: number,
  cookies: readonly string[],
  everyMs: number,
): { readonly stop: () => number } {
  let count = 0;
  const timer = setInterval(() => {
    const number = (count += 1);
    const cookie = cookies[number % cookies.length] ?? '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      const kind = number % 4;
      if (kind === 0) socket.write(`${requestHead(cookie, 'GET /slow HTTP/1.1')}\r\n\r\n`);
      else if (kind === 1)
        socket.write(
          `${requestHead(cookie, 'POST /wiki/edit HTTP/1.1')}\r\nContent-Length: 100000\r\n\r\n${'z'.repeat(5_000)}`,
        );
      else if (kind === 2) socket.write(requestHead(cookie).slice(0, 100));
      else socket.write(`${requestHead(cookie, 'GET /socket HTTP/1.1')}\r\n${upgrade}\r\n\r\n`);
      setTimeout(
        () => {
          if (number % 2 === 0) socket.resetAndDestroy();
          else socket.destroy();
        },
        (number * 7) % 60,
      );
    });
    socket.on('error', () => undefined);
    socket.resume();
  }, everyMs);
  return {
    stop: () => {
      clearInterval(timer);
      return count;
    },
  };
}

const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
