import Koa from 'koa';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasCode } from '../errors.ts';
import type { Completed, RequestLog } from '../observability/access-log.ts';
import type { ReadResult, RequestFacts } from '../request/facts.ts';
import type { Refuse } from '../response/refusal.ts';
import type { Log } from '../runtime.ts';
import type { Door, Exchange } from './exchange.ts';
import { answerWithoutBody } from './refuse.ts';
import { unavailableEvents, unavailableReason } from './unavailable.ts';

/** What Koa's context carries for our own pages; proxied traffic never looks at the context. */
export interface PageState {
  facts: RequestFacts;
  completed: Completed;
}

export interface AppOptions {
  readonly read: (request: IncomingMessage) => ReadResult;
  readonly isOurs: (facts: RequestFacts) => boolean;
  /** Serves our own pages; always answers, with 404 or 405 if need be. */
  readonly pages: Koa.Middleware<PageState>;
  readonly proxy: Door;
  readonly refuse: Refuse;
  readonly requestLog: RequestLog;
  readonly log: Log;
  readonly now: () => number;
}

/**
 * What stands around every HTTP request, once: the wire is read, our own pages are told from proxied traffic, surprises
 * become a 503 (the store is out of reach) or a 500 with the request id, and one line is logged. Decides nothing about
 * proxied traffic.
 */
export function createApp(options: AppOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { read, isOurs, pages, proxy, refuse, requestLog, log, now } = options;
  const app = new Koa<PageState>();
  app.silent = true;

  const around: Koa.Middleware<PageState> = async (context, next) => {
    const { req: request, res: response } = context;
    const startedAtMs = now();
    const peerAddress = request.socket.remoteAddress ?? '';
    const result = read(request);
    if (result.kind === 'unreadable') {
      answerWithoutBody(refuse({ kind: 'unreadable', unreadable: result.unreadable }, null), request, response);
      const { status, reason } = result.unreadable;
      requestLog.completed(null, { status, reason, route: null, user: null }, startedAtMs, peerAddress);
      return;
    }
    const { facts } = result;
    const exchange = { facts, request, response };
    let completed: Completed;
    try {
      if (isOurs(facts)) {
        context.state.facts = facts;
        await next();
        ({ completed } = context.state);
      } else completed = await proxy(exchange);
    } catch (error) {
      completed = answerSurprise(error, exchange);
    }
    requestLog.completed(facts, completed, startedAtMs, peerAddress);
  };

  const answerSurprise = (error: unknown, { facts, request, response }: Exchange): Completed => {
    if (hasCode(error, 'client-gone')) {
      response.destroy();
      return { status: 499, reason: 'client-gone', route: null, user: null };
    }
    const reason = unavailableReason(error);
    if (reason !== null) {
      log.error(unavailableEvents[reason], { requestId: facts.id, error });
      answerWithoutBody(refuse({ kind: 'unavailable', retryAfterSeconds: 5, reason }, facts), request, response);
      return { status: 503, reason, route: null, user: null };
    }
    log.error('request.failed', {
      requestId: facts.id,
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });
    answerWithoutBody(refuse({ kind: 'internal' }, facts), request, response);
    return { status: 500, reason: 'internal', route: null, user: null };
  };

  // What `app.callback()` adds serves answers that Koa writes (`ctx.body`, a watch on the end of each response); doors write
  // their own, and `around` lets nothing escape. Leaving it out saves a twentieth of a proxied request.
  return (request, response) => {
    const context = app.createContext<PageState>(request, response);
    void around(context, async () => void (await pages(context, done)));
  };
}

const done = (): Promise<void> => Promise.resolve();
