import type { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Answer } from '../response/answer.ts';
import { writeAnswer } from '../response/write.ts';

/** What of an unread body we take in before the connection is given up: bytes and milliseconds. */
const lingering = { maxBytes: 16 * 1024 * 1024, maxMs: 30_000 } as const;

/**
 * Writes an answer of ours to a request whose body nobody will read. The rest of the body is read and dropped, within
 * bounds, so that the next request on the connection starts where it should and the visitor can read the answer.
 */
export function answerWithoutBody(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // The visitor waits for our 100 and will now send the body or not: nobody can tell where the next request starts.
  const closing = request.headers.expect !== undefined || answer.close === true;
  writeAnswer(closing ? { ...answer, close: true } : answer, response, { head: request.method === 'HEAD' });
  if (request.complete) return;
  let bytes = 0;
  const giveUp = setTimeout(() => request.destroy(), lingering.maxMs);
  giveUp.unref();
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingering.maxBytes) request.destroy();
  });
  request.once('close', () => clearTimeout(giveUp));
}
