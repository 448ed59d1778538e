import { createServer, type AddressInfo, type Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { valueOf } from './raw-answer.ts';
import { readRequestBody, readRequestHead, type RecordedHead, type RecordedRequest } from './upstream-parser.ts';

export type { RecordedRequest } from './upstream-parser.ts';

/** What a script does: bytes to write before it goes on, `drop` for RST-like closing, or nothing special. */
export type UpstreamAct =
  | { readonly kind: 'write'; readonly bytes: string | Buffer }
  /** The script keeps the socket; the recorder reads nothing more from it. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'drop' };

/** Answers one request in the upstream's stead; undefined: the plain answer. */
export type UpstreamScript = (request: RecordedRequest, socket: Socket) => UpstreamAct | undefined;

/** A script that writes fixed bytes. */
export function writes(bytes: string | Buffer): UpstreamScript {
  return () => ({ kind: 'write', bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes });
}

/** A script that writes fixed bytes and then closes the connection. */
export function writesAndCloses(bytes: string | Buffer): UpstreamScript {
  return (_request, socket) => {
    socket.end(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return { kind: 'taken' };
  };
}

export interface UpstreamOptions {
  /** Keep connections open after an answer. Default true. */
  readonly keepAlive?: boolean;
}

export interface Upstream {
  readonly port: number;
  readonly origin: string;
  /** Every request that was read whole, in order. */
  readonly requests: readonly RecordedRequest[];
  /** What a strict parser did not understand. A test that finds something here has found a smuggled byte. */
  readonly faults: readonly string[];
  /** Raw bytes per connection, in order. */
  readonly connections: readonly { readonly bytes: Buffer; readonly open: boolean }[];
  /** Bytes received so far, over all connections. */
  readonly byteCount: () => number;
  /** Remembers where it stands; the answer tells what came since. */
  readonly mark: () => UpstreamMark;
  /** Answers requests for a path (before `?`) by a script. Returns the function that takes it away. */
  readonly script: (path: string, script: UpstreamScript, after?: 'head' | 'body') => () => void;
  readonly setKeepAlive: (keepAlive: boolean) => void;
  /** WebSockets that are open at the moment. */
  readonly webSockets: () => number;
  /** Bytes that came after an upgrade, per connection number. */
  readonly tunnelled: (connection: number) => Buffer;
  readonly openSockets: () => number;
  readonly stop: () => Promise<void>;
}

export interface UpstreamMark {
  readonly requests: () => readonly RecordedRequest[];
  readonly faults: () => readonly string[];
  readonly bytes: () => number;
  readonly raw: () => Buffer;
}

/** The plain answer to a request: `ok METHOD TARGET`. */
export function plainAnswer(
  request: Pick<RecordedRequest, 'method' | 'target'>,
  extra: readonly string[] = [],
): Buffer {
  const body = Buffer.from(`ok ${request.method} ${request.target}`, 'latin1');
  const head = ['HTTP/1.1 200 OK', 'Content-Type: text/plain', `Content-Length: ${String(body.length)}`, ...extra];
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
  return request.method === 'HEAD' ? bytes : Buffer.concat([bytes, body]);
}

/** UP of the checks: a raw TCP recorder that reads strictly, answers plainly, echoes WebSockets and misbehaves on order. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  let keepAlive = options.keepAlive ?? true;
  const requests: RecordedRequest[] = [];
  const faults: string[] = [];
  const connections: { chunks: Buffer[]; tunnel: Buffer[]; open: boolean }[] = [];
  const sockets = new Set<Socket>();
  const scripts = new Map<string, { script: UpstreamScript; after: 'head' | 'body' }>();
  const echo = new WebSocketServer({ noServer: true });
  echo.on('connection', (webSocket: WebSocket) => {
    webSocket.on('error', () => undefined);
    webSocket.on('message', (data, isBinary) => {
      webSocket.send(data, { binary: isBinary });
    });
  });
  const all: Buffer[] = [];
  let received = 0;

  const server = createServer({ noDelay: true }, (socket) => {
    const number = connections.length;
    const connection = { chunks: [] as Buffer[], tunnel: [] as Buffer[], open: true };
    connections.push(connection);
    sockets.add(socket);
    let pending: Buffer = Buffer.alloc(0);
    let head: RecordedHead | null = null;
    let over = false;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connection.open = false;
      sockets.delete(socket);
    });

    const answer = (request: RecordedRequest, script: UpstreamScript | undefined): void => {
      const made = script?.(request, socket);
      if (made?.kind === 'taken' || made?.kind === 'drop') {
        over = true;
        if (made.kind === 'drop') socket.destroy();
        return;
      }
      if (made === undefined && isWebSocket(request)) {
        over = true;
        socket.off('data', read);
        upgrade(request, socket, pending);
        return;
      }
      socket.write(made?.bytes ?? plainAnswer(request, keepAlive ? [] : ['Connection: close']));
      if (!keepAlive) {
        over = true;
        socket.end();
      }
    };

    const step = (): boolean => {
      if (head === null) {
        if (pending.length === 0) return false;
        const reading = readRequestHead(pending, number);
        if (reading.kind === 'incomplete') return false;
        if (reading.kind === 'broken') return fault(reading.why);
        head = reading.head;
        pending = reading.rest;
        const early = scripts.get(pathOf(head));
        if (early?.after === 'head') {
          const { framing: _, ...request } = head;
          const whole = { ...request, body: Buffer.alloc(0), trailers: [] };
          requests.push(whole);
          answer(whole, early.script);
          if (over) return false;
        }
        return true;
      }
      const reading = readRequestBody(head, pending);
      if (reading.kind === 'incomplete') return false;
      if (reading.kind === 'broken') return fault(reading.why);
      const handled = scripts.get(pathOf(head));
      head = null;
      pending = reading.rest;
      if (handled?.after === 'head') return true;
      requests.push(reading.request);
      answer(reading.request, handled?.script);
      return true;
    };
    const fault = (why: string): false => {
      faults.push(why);
      over = true;
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return false;
    };
    const read = (chunk: Buffer): void => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (!over && step());
    };
    socket.on('data', (chunk) => {
      received += chunk.length;
      all.push(chunk);
      (over ? connection.tunnel : connection.chunks).push(chunk);
    });
    socket.on('data', read);
  });

  const upgrade = (request: RecordedRequest, socket: Socket, first: Buffer): void => {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    const message = { method: request.method, url: request.target, headers } as unknown as Parameters<
      typeof echo.handleUpgrade
    >[0];
    echo.handleUpgrade(message, socket, first, (webSocket) => echo.emit('connection', webSocket, message));
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${String(port)}`,
    requests,
    faults,
    get connections() {
      return connections.map(({ chunks, open }) => ({ bytes: Buffer.concat(chunks), open }));
    },
    byteCount: () => received,
    mark: () => {
      const [at, faultsAt, bytesAt, chunksAt] = [requests.length, faults.length, received, all.length];
      return {
        requests: () => requests.slice(at),
        faults: () => faults.slice(faultsAt),
        bytes: () => received - bytesAt,
        raw: () => Buffer.concat(all.slice(chunksAt)),
      };
    },
    script: (path, script, after = 'body') => {
      scripts.set(path, { script, after });
      return () => {
        scripts.delete(path);
      };
    },
    setKeepAlive: (value) => {
      keepAlive = value;
    },
    webSockets: () => echo.clients.size,
    tunnelled: (connection) => Buffer.concat(connections[connection]?.tunnel ?? []),
    openSockets: () => sockets.size,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pathOf(head: Pick<RecordedRequest, 'target'>): string {
  return head.target.split('?')[0] ?? '';
}

function isWebSocket(request: RecordedRequest): boolean {
  return request.method === 'GET' && valueOf(request, 'upgrade')?.toLowerCase() === 'websocket';
}
