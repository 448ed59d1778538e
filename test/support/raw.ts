import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { readAnswer, type RawAnswer } from './raw-answer.ts';

export { valueOf, valuesOf, type RawAnswer } from './raw-answer.ts';

/** How long a conversation may take before it counts as hung; generous, because two cores are shared. */
export const patienceMs = 10_000;

export interface RawConversation {
  readonly answers: readonly RawAnswer[];
  /** The gateway closed the connection (FIN or reset). */
  readonly closed: boolean;
  /** Bytes after a 101: the tunnel. */
  readonly tunnel: Buffer;
  /** Why the answers could not be read, or null. */
  readonly broken: string | null;
}

export interface SendOptions {
  /** Methods of the requests in `bytes`, in order; how many answers to wait for. Default: one GET. */
  readonly methods?: readonly string[];
  /** Wait until the gateway has closed the connection, also after the answers. */
  readonly untilClosed?: boolean;
  /** Default `patienceMs`. What is there by then is returned. */
  readonly deadlineMs?: number;
  readonly host?: string;
}

/** A client socket that sends exactly the bytes it is given and reads answers strictly. */
export interface RawClient {
  readonly socket: Socket;
  /** Text goes out as Latin-1. */
  readonly write: (bytes: string | Buffer) => void;
  /** The next whole answer to a request with `method`; rejects when the connection ends or breaks before. */
  readonly answer: (method?: string, deadlineMs?: number) => Promise<RawAnswer>;
  /** Bytes that came and belong to no answer yet (a tunnel's, after 101). */
  readonly pending: () => Buffer;
  readonly isClosed: () => boolean;
  /** Resolves true when the other side closed, false when it did not by the deadline. */
  readonly closed: (deadlineMs?: number) => Promise<boolean>;
  /** Resolves when `test` holds of the pending bytes; rejects at the deadline. */
  readonly until: (test: (pending: Buffer) => boolean, deadlineMs?: number) => Promise<void>;
  readonly destroy: () => void;
  /** Closes with RST. */
  readonly reset: () => void;
}

const tlsPorts = new Set<number | string>();

/** Whoever connects to this port from now on speaks TLS first; what is sent and read is the same. */
export function speakTls(port: number): void {
  tlsPorts.add(port);
}

/** Whether TLS is spoken on a port. */
export function speaksTls(port: number | string): boolean {
  return tlsPorts.has(port);
}

/** TLS right on a socket that is reset crashes node; a stream between them does not. */
function streamOver(plain: Socket): Duplex {
  const stream = new Duplex({
    read: () => void plain.resume(),
    write: (chunk: Buffer, _encoding, done) => void plain.write(chunk, () => done()),
    final: (done) => void plain.end(done),
    destroy: (error, done) => {
      plain.destroy();
      done(error);
    },
  });
  plain.on('data', (chunk) => {
    if (!stream.push(chunk)) plain.pause();
  });
  plain.on('end', () => stream.push(null));
  plain.on('close', () => stream.destroy());
  return stream;
}

/** Connects to a port on loopback (or to a unix socket). */
export async function openRaw(port: number | string, host = '127.0.0.1'): Promise<RawClient> {
  const plain = typeof port === 'string' ? connect(port) : connect({ port, host, noDelay: true });
  plain.on('error', () => undefined);
  const socket = speaksTls(port)
    ? connectTls({
        socket: streamOver(plain),
        servername: 'app.test',
        ALPNProtocols: ['http/1.1'],
        rejectUnauthorized: false,
      })
    : plain;
  let pending: Buffer = Buffer.alloc(0);
  let closed = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    wake();
  });
  socket.on('error', () => undefined);
  for (const event of ['end', 'close'] as const) {
    socket.on(event, () => {
      closed = true;
      wake();
    });
  }
  await new Promise<void>((resolve, reject) => {
    socket.once(speaksTls(port) ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before it was open')));
  });

  /** Waits until `look` gives something; null at the deadline. */
  const wait = <T>(look: () => T | undefined, deadlineMs: number) =>
    new Promise<T | null>((resolve) => {
      const finish = (value: T | null) => {
        clearTimeout(timer);
        waiting.delete(check);
        resolve(value);
      };
      const check = () => {
        const value = look();
        if (value !== undefined) finish(value);
      };
      const timer = setTimeout(() => finish(null), deadlineMs);
      waiting.add(check);
      check();
    });

  return {
    socket,
    write: (bytes) => {
      if (!socket.destroyed) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    },
    answer: async (method = 'GET', deadlineMs = patienceMs) => {
      const got = await wait(() => {
        const reading = readAnswer(pending, method, closed);
        if (reading.kind === 'answer') {
          pending = reading.rest;
          return reading.answer;
        }
        if (reading.kind === 'broken') return reading.why;
        return closed ? `closed after ${String(pending.length)} bytes` : undefined;
      }, deadlineMs);
      if (got === null) throw new Error(`no answer in ${String(deadlineMs)} ms`);
      if (typeof got === 'string') throw new Error(`no answer: ${got}`);
      return got;
    },
    pending: () => pending,
    isClosed: () => closed,
    closed: async (deadlineMs = patienceMs) => (await wait(() => (closed ? true : undefined), deadlineMs)) ?? false,
    until: async (test, deadlineMs = patienceMs) => {
      const met = await wait(() => (test(pending) || closed ? true : undefined), deadlineMs);
      if (met === null || !test(pending))
        throw new Error(`waited in vain; had ${JSON.stringify(pending.toString('latin1').slice(0, 200))}`);
    },
    destroy: () => {
      socket.destroy();
    },
    reset: () => {
      plain.resetAndDestroy();
      socket.destroy();
    },
  };
}

/** Sends bytes on a fresh connection and collects what comes back. Never rejects because of what the gateway does. */
export async function sendRaw(
  port: number | string,
  bytes: string | Buffer,
  options: SendOptions = {},
): Promise<RawConversation> {
  const { methods = ['GET'], untilClosed = false, deadlineMs = patienceMs } = options;
  const client = await openRaw(port, options.host);
  const answers: RawAnswer[] = [];
  let broken: string | null = null;
  try {
    client.write(bytes);
    for (const method of methods) {
      const answer = await client.answer(method, deadlineMs);
      answers.push(answer);
      if (answer.status === 101) break;
    }
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error);
  }
  const closed = untilClosed ? await client.closed(deadlineMs) : client.isClosed();
  const tunnel = client.pending();
  client.destroy();
  return { answers, closed, tunnel, broken };
}
