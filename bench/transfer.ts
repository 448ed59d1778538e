import type { Socket } from 'node:net';
import { open, requestHead } from './client.ts';

/** A large body under way. */
export interface Transfer {
  /** Bytes a second, when it has been whole; rejects when it was cut. */
  readonly done: Promise<number>;
  /** Cuts it. */
  readonly stop: () => void;
}

/** Reads the answer to a GET to its end, at most so many bytes a second. */
export function download(port: number, cookie: string, path: string, bytesPerSecond: number): Transfer {
  return begin(port, (socket, finish) => {
    let left = -1;
    socket.on('data', (chunk: Buffer) => {
      let body = chunk.length;
      if (left === -1) {
        const head = chunk.toString('latin1', 0, 4_096);
        if (!head.startsWith('HTTP/1.1 200')) return finish(new Error(`answered ${head.slice(0, 30)}`));
        left = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? NaN);
        body -= head.indexOf('\r\n\r\n') + 4;
      }
      left -= body;
      if (left === 0) finish();
      else if (bytesPerSecond !== Infinity) rest(socket, (body / bytesPerSecond) * 1_000);
    });
    socket.write(`${requestHead(cookie, `GET ${path} HTTP/1.1`)}\r\n\r\n`);
  });
}

const piece = Buffer.alloc(262_144);

/** Sends a body as fast as it is taken; whole when the answer has come. */
export function upload(port: number, cookie: string, path: string, bytes: number): Transfer {
  return begin(
    port,
    (socket, finish) => {
      let left = bytes;
      const pour = (): void => {
        while (left > 0) {
          const part = left >= piece.length ? piece : piece.subarray(0, left);
          left -= part.length;
          if (!socket.write(part)) return;
        }
      };
      socket.on('drain', pour);
      socket.once('data', (chunk: Buffer) => {
        const isFine = chunk.toString('latin1', 0, 12) === 'HTTP/1.1 200';
        finish(isFine ? undefined : new Error(`answered ${chunk.toString('latin1', 0, 30)}`));
      });
      socket.write(`${requestHead(cookie, `POST ${path} HTTP/1.1`)}\r\nContent-Length: ${bytes}\r\n\r\n`);
      pour();
    },
    bytes,
  );
}

function begin(
  port: number,
  run: (socket: Socket, finish: (error?: Error) => void) => void,
  bytes = 1_073_741_824,
): Transfer {
  let socket: Socket | null = null;
  let isStopped = false;
  const done = open(port).then(
    (opened) =>
      new Promise<number>((resolve, reject) => {
        socket = opened;
        const startedAt = performance.now();
        const finish = (error?: Error): void => {
          if (error === undefined) resolve(bytes / ((performance.now() - startedAt) / 1_000));
          else reject(error);
          opened.destroy();
        };
        opened.once('error', finish);
        opened.once('close', () => reject(new Error('the transfer was cut')));
        if (isStopped) opened.destroy();
        else run(opened, finish);
      }),
  );
  return {
    done,
    stop: () => {
      isStopped = true;
      socket?.destroy();
    },
  };
}

function rest(socket: Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms);
}
