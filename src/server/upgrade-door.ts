import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Gate } from '../gate.ts';
import type { Audit } from '../observability/audit.ts';
import type { Completed } from '../observability/access-log.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import { ownAnswer } from '../response/own-answer.ts';
import type { Refuse } from '../response/refusal.ts';
import type { Route } from '../route/table.ts';
import type { Log } from '../runtime.ts';
import type { LiveConnections } from '../session/session.ts';
import type { RespondHead, UpgradeOutcome, Upgrader } from '../upstream/upgrade.ts';
import { answerSocket } from './answer-socket.ts';
import { closeCodes, type LiveTraffic } from './live-traffic.ts';
import { completedOf, failureOf } from './proxy-door.ts';
import { unavailableEvents, unavailableReason } from './unavailable.ts';

export interface UpgradeDoorOptions {
  readonly gate: Gate;
  readonly upgrader: Upgrader;
  readonly refuse: Refuse;
  readonly connections: LiveConnections;
  readonly traffic: LiveTraffic;
  readonly audit: Audit;
  readonly log: Log;
}

/** Resolves when the tunnel is closed or the refusal is written; never rejects. */
export type UpgradeDoor = (
  facts: RequestFacts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  respondHead?: RespondHead,
) => Promise<Completed>;

/** The door for WebSockets and every other `Upgrade`: the same gate, answers on the raw socket. */
export function createUpgradeDoor(options: UpgradeDoorOptions): UpgradeDoor {
  const { gate, upgrader, refuse, connections, traffic, audit, log } = options;

  return async (facts, request, socket, head, respondHead) => {
    const say = (answer: Answer, completed: Omit<Completed, 'status'>): Completed => {
      answerSocket(socket, answer, respondHead);
      return { status: answer.status, ...completed };
    };
    try {
      const decision = await gate(facts);
      if (decision.kind !== 'forward') {
        const answer = refuse(decision, facts);
        const completed = completedOf(decision, answer.status);
        if (decision.kind === 'deny')
          audit('access.denied', facts, { route: decision.route.id, user: completed.user, reason: decision.reason });
        return say(answer, completed);
      }
      const { route, visitor } = decision;
      const known = { route: route.id, user: visitor?.identity.user ?? null };
      // RFC 9110 §7.8: who does not know the protocol answers as if it had not been asked for.
      if (route.answer !== null) return say(ownAnswer(route, facts), { reason: decision.reason, ...known });
      if (isForeignOrigin(facts, route)) {
        audit('access.denied', facts, { ...known, reason: 'websocket-origin' });
        return say(refuse({ kind: 'websocket-origin' }, facts), {
          ...known,
          reason: 'websocket-origin',
        });
      }
      const assertion = visitor === null ? undefined : await route.assertion?.(visitor);
      const handle = upgrader.upgrade({ facts, route, visitor, assertion, request, socket, head, respondHead });
      const over = traffic.add({ facts, close: handle.close, isTunnel: true, endsAtMs: visitor?.endsAtMs });
      const session = visitor?.session ?? null;
      const done = session === null ? null : connections.add(session, () => handle.close(closeCodes.notAllowed));
      const outcome = await handle.done;
      done?.();
      over();
      if (outcome.kind !== 'failed') return { ...ended(outcome, decision.reason), ...known };
      log.warn('upstream.failed', {
        requestId: facts.id,
        error: outcome.error,
        responseStarted: outcome.responseStarted,
      });
      const failure = failureOf(outcome.error, route);
      if (outcome.responseStarted) return { status: outcome.error.status, reason: failure.kind, ...known };
      return say(refuse(failure, facts), { ...known, reason: failure.kind });
    } catch (error) {
      const reason = unavailableReason(error);
      log.error(reason === null ? 'request.failed' : unavailableEvents[reason], { requestId: facts.id, error });
      const failure =
        reason === null
          ? ({ kind: 'internal' } as const)
          : ({ kind: 'unavailable', retryAfterSeconds: 5, reason } as const);
      return say(refuse(failure, facts), { reason: reason ?? 'internal', route: null, user: null });
    }
  };
}

/** What the log says of an upgrade that came through. */
function ended(
  outcome: Exclude<UpgradeOutcome, { kind: 'failed' }>,
  reason: string,
): Pick<Completed, 'status' | 'reason'> {
  switch (outcome.kind) {
    case 'tunnelled':
      return { status: 101, reason };
    case 'closed':
      return { status: 101, reason: 'session-ended' };
    case 'answered':
      return { status: outcome.status, reason };
    case 'client-gone':
      return { status: 499, reason: 'client-gone' };
  }
}

/**
 * The session cookie rides along with a WebSocket that any page opens (no CORS there), so an origin that is not the
 * app's own must be named by the route. A program sends no Origin. RFC 6455 §10.2.
 */
function isForeignOrigin(facts: RequestFacts, route: Route): boolean {
  const origin = facts.header('origin');
  if (origin === undefined) return false;
  return origin.toLowerCase() !== facts.origin && !route.allowedOrigins.has(origin.toLowerCase());
}
