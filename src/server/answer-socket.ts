import type { Duplex } from 'node:stream';
import type { Answer } from '../response/answer.ts';
import { answerBytes } from '../response/write.ts';
import type { RespondHead } from '../upstream/upgrade.ts';
import { endSocket } from './end-socket.ts';

/** Gives the last answer on a socket that was to become a tunnel: as bytes of HTTP/1.1, or on the stream of HTTP/2. */
export function answerSocket(socket: Duplex, answer: Answer, respondHead?: RespondHead): void {
  if (respondHead === undefined) {
    endSocket(socket, answerBytes(answer));
    return;
  }
  const body = Buffer.from(answer.body);
  respondHead(answer.status, [...answer.headers, ['Content-Length', String(body.length)]]);
  endSocket(socket, body);
}
