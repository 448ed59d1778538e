import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Doorstep } from './doorstep.ts';
import type { RequestFacts } from '../request/facts.ts';

/** Flat raw headers as pairs. */
export function* pairsOf(flat: readonly string[]): Generator<[name: string, value: string]> {
  for (let index = 0; index + 1 < flat.length; index += 2) yield [flat[index] ?? '', flat[index + 1] ?? ''];
}

/** Headers of one name together, as node's client wants them; the first spelling stays. */
export function grouped(flat: readonly string[]): Iterable<readonly [name: string, values: string[]]> {
  const groups = new Map<string, readonly [string, string[]]>();
  for (const [name, value] of pairsOf(flat)) {
    const key = name.toLowerCase();
    const group = groups.get(key);
    if (group) group[1].push(value);
    else groups.set(key, [name, [value]]);
  }
  return groups.values();
}

/** Writes the head of an answer, Latin-1 as it came. */
export function writeHead(
  socket: Duplex,
  answer: IncomingMessage,
  headers: readonly (readonly [string, string])[],
): void {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${answer.statusCode ?? 0} ${answer.statusMessage ?? ''}\r\n${lines}\r\n`, 'latin1');
}

/** Writes a body in chunks (RFC 9112 §7.1), so that its end can be told from a break. */
export function chunks(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      this.push(`${chunk.length.toString(16)}\r\n`);
      this.push(chunk);
      callback(null, '\r\n');
    },
    flush(callback) {
      callback(null, '0\r\n\r\n');
    },
  });
}

/** What `Sec-WebSocket-Accept` must say to this handshake (RFC 6455 §4.2.2). */
export function acceptOf(facts: RequestFacts): string {
  const key = facts.header('sec-websocket-key') ?? '';
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** A WebSocket close frame of a server (RFC 6455 §5.5.1): unmasked, the code alone. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, (code >> 8) & 0xff, code & 0xff]);
}

/** The upstream kept an upgrade waiting; `code` says at what. */
export function tookTooLong(code: string): Error {
  return Object.assign(new Error('the upstream took too long to answer an upgrade'), { code });
}

/**
 * Takes http-proxy off an upgraded socket: its pipes to the doorstep, and its listeners, which would keep the whole request
 * alive as long as the tunnel stands. `own` are the `end` listeners from before.
 */
export function takeOver(upstream: Duplex, doorstep: Doorstep, own: ReturnType<Duplex['listeners']>): void {
  upstream.unpipe(doorstep);
  doorstep.unpipe(upstream);
  doorstep.destroy();
  upstream.removeAllListeners('error').on('error', () => undefined);
  for (const listener of upstream.listeners('end')) {
    if (!own.includes(listener)) upstream.off('end', listener as () => void);
  }
}
