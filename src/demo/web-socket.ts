import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** One end of a WebSocket (RFC 6455): text in, text out. */
export interface WebSocketEnd {
  readonly send: (text: string) => void;
  readonly onText: (listener: (text: string) => void) => void;
  readonly onClose: (listener: () => void) => void;
}

const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const maxMessageBytes = 1024 * 1024;

interface Frame {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  readonly length: number;
}

/** First whole frame of the bytes; null: more are needed; a number: the code to close with. */
function readFrame(bytes: Buffer): Frame | null | number {
  if (bytes.length < 2) return null;
  const [first = 0, second = 0] = bytes;
  // §5.1: a client's frames are masked; §5.2: no extension was agreed on, so the reserved bits are 0
  if ((second & 0x80) === 0 || (first & 0x70) !== 0) return 1002;
  let size = second & 0x7f;
  let offset = 2;
  if (size === 126) {
    if (bytes.length < 4) return null;
    size = bytes.readUInt16BE(2);
    offset = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return null;
    const big = bytes.readBigUInt64BE(2);
    if (big > BigInt(maxMessageBytes)) return 1009;
    size = Number(big);
    offset = 10;
  }
  if (size > maxMessageBytes) return 1009;
  const length = offset + 4 + size;
  if (bytes.length < length) return null;
  const mask = bytes.subarray(offset, offset + 4);
  const payload = Buffer.from(bytes.subarray(offset + 4, length));
  for (let index = 0; index < payload.length; index += 1)
    payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
  return { isFinal: (first & 0x80) !== 0, opcode: first & 0x0f, payload, length };
}

function frame(code: number, payload: Buffer): Buffer {
  const size = payload.length;
  const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
  head[0] = 0x80 | code;
  if (size < 126) head[1] = size;
  else if (size < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(size, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, payload]);
}

function closeFrame(code: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return frame(opcode.close, payload);
}

/** Answers the handshake and takes over the socket; null when it was not a WebSocket handshake (answered 426). */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): WebSocketEnd | null {
  const key = request.headers['sec-websocket-key'];
  const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket' && request.method === 'GET';
  if (!isWebSocket || key === undefined || request.headers['sec-websocket-version'] !== '13') {
    socket.end(
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    );
    return null;
  }
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );

  let textListener: (text: string) => void = () => undefined;
  let closeListener: () => void = () => undefined;
  let pending = head;
  let parts: Buffer[] = [];
  let isOver = false;

  const finish = (code: number) => {
    if (isOver) return;
    isOver = true;
    if (socket.writable) socket.end(closeFrame(code));
    closeListener();
  };

  const take = (next: Frame) => {
    if (next.opcode === opcode.close) finish(1000);
    else if (next.opcode === opcode.ping) socket.write(frame(opcode.pong, next.payload));
    else if (next.opcode === opcode.text || next.opcode === opcode.continuation) {
      parts.push(next.payload);
      if (parts.reduce((sum, part) => sum + part.length, 0) > maxMessageBytes) finish(1009);
      else if (next.isFinal) {
        const text = Buffer.concat(parts).toString('utf8');
        parts = [];
        textListener(text);
      }
    } else if (next.opcode === opcode.binary) finish(1003);
  };

  const read = (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (!isOver) {
      const next = readFrame(pending);
      if (next === null) return;
      if (typeof next === 'number') return finish(next);
      pending = pending.subarray(next.length);
      take(next);
    }
  };

  socket.on('data', read);
  socket.on('error', () => finish(1006));
  socket.on('close', () => finish(1006));
  socket.on('end', () => finish(1000));
  // after the caller has put its listeners on
  queueMicrotask(() => read(Buffer.alloc(0)));

  return {
    send: (text) => {
      if (!isOver && socket.writable) socket.write(frame(opcode.text, Buffer.from(text, 'utf8')));
    },
    onText: (listener) => {
      textListener = listener;
    },
    onClose: (listener) => {
      closeListener = listener;
    },
  };
}
