import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long the rest of an upload may go on arriving after it was answered (milliseconds), before the connection is cut. */
const leftoverMs = 30_000;

/** Node refuses what is not Latin-1 in a status line; the number alone says enough then. */
export function reasonPhrase(text: string): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text) ? text : '';
}

/**
 * Passes 102 and 103 on; they are hints, so that one which node won't write is dropped. A 100 never gets here: `Expect`
 * is answered by us.
 */
export function relayInterim(response: ServerResponse, status: number, headers: NodeJS.Dict<string | string[]>): void {
  if (response.headersSent || response.destroyed) return;
  try {
    if (status === 102) response.writeProcessing();
    if (status === 103 && headers['link'] !== undefined) response.writeEarlyHints({ link: headers['link'] });
  } catch {
    return;
  }
}

/** Sends the head alone. Node's own `flushHeaders` would write what is beyond ASCII as UTF-8, twice encoded. */
export function flushHead(response: ServerResponse): void {
  response.write('', 'latin1');
}

/** Ends the visitor's connection so that what was sent can't pass for a whole answer. */
export function cut(response: ServerResponse): void {
  const { socket } = response;
  // An HTTP/1.0 answer without a length is whole at the connection's plain end: reset it.
  try {
    if (response.req.httpVersion === '1.0') socket?.resetAndDestroy();
  } catch {
    // Only TCP knows resets; on TLS and unix sockets the plain end has to do.
  }
  response.destroy();
}

/** Node reads and drops what is left of an upload after its answer; this bounds how long. */
export function limitLeftover(request: IncomingMessage): void {
  const timer = setTimeout(() => request.destroy(), leftoverMs);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
}
