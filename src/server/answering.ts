import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * What may be done with a connection on which the parser gave up. `answer`: a short answer on the raw socket would be read
 * as the answer to the broken request. `end`: everything is said, close. `cut`: an answer is half written.
 */
export type LastWord = 'answer' | 'end' | 'cut';

/**
 * Watches the answers of a server. Bytes written behind an answer that is under way, or that said it is the last, would be
 * read as part of it, or, by a proxy in front of us, as the answer to somebody else's request.
 */
export function watchAnswers(server: Server): (socket: Duplex) => LastWord {
  const answers = new WeakMap<Duplex, { readonly open: Set<ServerResponse>; last: ServerResponse }>();
  const note = (request: IncomingMessage, response: ServerResponse): void => {
    const known = answers.get(request.socket);
    const open = known?.open ?? new Set<ServerResponse>();
    open.add(response);
    if (known) known.last = response;
    else answers.set(request.socket, { open, last: response });
    response.once('close', () => open.delete(response));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.prependListener(event, note);

  return (socket) => {
    const known = answers.get(socket);
    if (known === undefined) return 'answer';
    const open = [...known.open].filter((response) => !response.writableEnded);
    // What is broken after a whole request is the next one; after a part of one, it has its answer.
    if (open.length === 0) return known.last.req.complete && known.last.shouldKeepAlive ? 'answer' : 'end';
    // The request that the parser gave up on, in mid-body, unanswered as yet.
    return open.length === 1 && open[0]?.headersSent === false && known.open.size === 1 ? 'answer' : 'cut';
  };
}
