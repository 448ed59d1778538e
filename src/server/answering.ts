import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * What may be done with a connection on which the parser gave up. `answer`: a short answer on the raw socket would be read
 * as the answer to the broken request. `end`: everything is said, close. `cut`: an answer is half written.
 */
export type LastWord = 'answer' | 'end' | 'cut';

export interface Answers {
  readonly lastWordOn: (socket: Duplex) => LastWord;
  /** From now on every answer that has not begun says that it is the connection's last. */
  readonly sayGoodbye: () => void;
}

/**
 * Watches the answers of a server. Bytes written behind an answer that is under way, or that said it is the last, would be
 * read as part of it, or, by a proxy in front of us, as the answer to somebody else's request.
 */
export function watchAnswers(server: Server): Answers {
  const answers = new WeakMap<Duplex, ServerResponse[]>();
  const connections = new Set<Socket>();
  let isGoodbye = false;
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  // An array and no listener: this runs for every request. The last answer stays, the ones before it go once they are out.
  const note = (request: IncomingMessage, response: ServerResponse): void => {
    if (isGoodbye) response.shouldKeepAlive = false;
    const known = answers.get(request.socket);
    if (known === undefined) {
      answers.set(request.socket, [response]);
      return;
    }
    while (known[0]?.writableFinished === true) known.shift();
    known.push(response);
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.prependListener(event, note);

  const lastWordOn = (socket: Duplex): LastWord => {
    const known = answers.get(socket) ?? [];
    const last = known.at(-1);
    if (last === undefined) return 'answer';
    const underWay = known.filter((response) => !response.writableFinished);
    const open = underWay.filter((response) => !response.writableEnded);
    // What is broken after a whole request is the next one; after a part of one, it has its answer.
    if (open.length === 0) return last.req.complete && last.shouldKeepAlive ? 'answer' : 'end';
    // The request that the parser gave up on, in mid-body, unanswered as yet.
    return underWay.length === 1 && open[0]?.headersSent === false ? 'answer' : 'cut';
  };
  return {
    lastWordOn,
    sayGoodbye: () => {
      isGoodbye = true;
      for (const socket of connections)
        for (const response of answers.get(socket) ?? []) response.shouldKeepAlive = false;
    },
  };
}
