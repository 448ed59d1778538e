import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestLog } from '../observability/access-log.ts';
import type { ReadResult, RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import type { Refuse } from '../response/refusal.ts';
import type { RouteTable } from '../route/table.ts';
import { answerSocket } from './answer-socket.ts';
import type { ListenHandlers } from './listen.ts';
import { answerWithoutBody } from './refuse.ts';
import type { ServerSettings } from './settings.ts';

export interface RedirectOptions {
  readonly read: (request: IncomingMessage) => ReadResult;
  readonly server: ServerSettings['server'];
  readonly routes: Pick<RouteTable, 'servesHost'>;
  readonly app: ListenHandlers['request'];
  readonly unreadable: ListenHandlers['unreadable'];
  readonly refuse: Refuse;
  readonly requestLog: RequestLog;
  readonly now: () => number;
}

/** Leads everybody who came by http to the same place under https: same host, path and query, at hosts that we serve. */
export function createRedirectHandlers(options: RedirectOptions): ListenHandlers {
  const { read, server, routes, app, unreadable, refuse, requestLog, now } = options;
  const { hostname, port } = new URL(server.publicUrl);
  const portText = port === '' ? '' : `:${port}`;
  // Answered here as well: who asks whether we live follows no redirects.
  const healthPath = `${server.authPath}/health`;

  const redirect = ({ host, rawPath, rawQuery }: RequestFacts): Answer => ({
    status: 308,
    headers: [
      ['Location', `https://${host}${portText}${rawPath}${rawQuery}`],
      ['Cache-Control', 'no-store'],
    ],
    body: '',
  });

  /** The answer to a request that is none of the app's. */
  const answer = (request: IncomingMessage, give: (answer: Answer) => void): void => {
    const startedAtMs = now();
    const peerAddress = request.socket.remoteAddress ?? '';
    const result = read(request);
    if (result.kind === 'unreadable') {
      give(refuse({ kind: 'unreadable', unreadable: result.unreadable }, null));
      const { status, reason } = result.unreadable;
      requestLog.completed(null, { status, reason, route: null, user: null }, startedAtMs, peerAddress);
      return;
    }
    const { facts } = result;
    const isServed = facts.host === hostname || routes.servesHost(facts.host);
    const made = isServed ? redirect(facts) : refuse({ kind: 'no-route', reason: 'no-route' }, facts);
    give(made);
    const reason = isServed ? 'led-to-https' : 'no-route';
    requestLog.completed(facts, { status: made.status, reason, route: null, user: null }, startedAtMs, peerAddress);
  };

  return {
    request: (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === healthPath) app(request, response);
      else answer(request, (made) => answerWithoutBody(made, request, response));
    },
    upgrade: (request, socket) => {
      socket.on('error', () => socket.destroy());
      answer(request, (made) => answerSocket(socket, made));
    },
    unreadable,
  };
}
