import type { Duplex } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestLog } from '../observability/access-log.ts';
import type { ReadResult, RequestFacts } from '../request/facts.ts';
import type { Refuse } from '../response/refusal.ts';
import { answerSocket } from './answer-socket.ts';
import type { ListenHandlers } from './listen.ts';
import type { UpgradeDoor } from './upgrade-door.ts';

export interface ConnectionOptions {
  readonly app: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgradeDoor: UpgradeDoor;
  readonly read: (request: IncomingMessage) => ReadResult;
  readonly isOurs: (facts: RequestFacts) => boolean;
  readonly refuse: Refuse;
  readonly requestLog: RequestLog;
  readonly now: () => number;
}

/** Joins a listener to the doors: requests go through the app, upgrades beside it, unreadable bytes get a short answer. */
export function createConnectionHandlers(options: ConnectionOptions): ListenHandlers {
  const { app, upgradeDoor, read, isOurs, refuse, requestLog, now } = options;
  return {
    request: app,
    upgrade: (request, socket, head, respondHead) => {
      socket.on('error', () => socket.destroy());
      const startedAtMs = now();
      const peerAddress = request.socket.remoteAddress ?? '';
      const result = read(request);
      if (result.kind === 'unreadable') {
        answerSocket(socket, refuse({ kind: 'unreadable', unreadable: result.unreadable }, null), respondHead);
        const { status, reason } = result.unreadable;
        requestLog.completed(null, { status, reason, route: null, user: null }, startedAtMs, peerAddress);
        return;
      }
      const { facts } = result;
      if (isOurs(facts)) {
        const unreadable = { status: 400, reason: 'upgrade-of-own-page' } as const;
        answerSocket(socket, refuse({ kind: 'unreadable', unreadable }, facts), respondHead);
        requestLog.completed(facts, { ...unreadable, route: null, user: null }, startedAtMs, peerAddress);
        return;
      }
      void upgradeDoor(facts, request, socket, head, respondHead).then((completed) =>
        requestLog.completed(facts, completed, startedAtMs, peerAddress),
      );
    },
    unreadable: (status, socket: Duplex) => {
      socket.on('error', () => socket.destroy());
      const reason =
        status === 431
          ? 'headers-too-large'
          : status === 408
            ? 'request-timeout'
            : status === 405
              ? 'method-not-allowed'
              : 'malformed-request';
      const answer = refuse({ kind: 'unreadable', unreadable: { status, reason } }, null);
      answerSocket(socket, answer);
      const peerAddress =
        'remoteAddress' in socket && typeof socket.remoteAddress === 'string' ? socket.remoteAddress : '';
      requestLog.completed(null, { status, reason, route: null, user: null }, now(), peerAddress);
    },
  };
}
