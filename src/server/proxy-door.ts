import type { GatewayError } from '../errors.ts';
import type { Gate, Decision } from '../gate.ts';
import type { Audit } from '../observability/audit.ts';
import type { Completed } from '../observability/access-log.ts';
import type { RequestFacts } from '../request/facts.ts';
import { ownAnswer } from '../response/own-answer.ts';
import type { Failure, Refuse } from '../response/refusal.ts';
import type { ForwardingRoute } from '../route/table.ts';
import type { Log } from '../runtime.ts';
import type { LiveConnections } from '../session/session.ts';
import type { Forwarder, ForwardOutcome } from '../upstream/forward.ts';
import type { Door, Exchange } from './exchange.ts';
import type { LiveTraffic } from './live-traffic.ts';
import { answerWithoutBody } from './refuse.ts';

export interface ProxyDoorOptions {
  readonly gate: Gate;
  readonly forwarder: Forwarder;
  readonly refuse: Refuse;
  readonly connections: LiveConnections;
  readonly traffic: LiveTraffic;
  readonly audit: Audit;
  readonly log: Log;
}

/** The HTTP door: asks the gate, then forwards or refuses. */
export function createProxyDoor(options: ProxyDoorOptions): Door {
  const { gate, forwarder, refuse, connections, traffic, audit, log } = options;

  return async (exchange) => {
    const { facts, request, response } = exchange;
    const judged = gate(facts);
    const decision = judged instanceof Promise ? await judged : judged;
    if (decision.kind !== 'forward') {
      const answer = refuse(decision, facts);
      answerWithoutBody(answer, request, response);
      const completed = completedOf(decision, answer.status);
      if (decision.kind === 'deny')
        audit('access.denied', facts, { route: decision.route.id, user: completed.user, reason: decision.reason });
      return completed;
    }
    const { route, visitor, reason } = decision;
    const user = visitor?.identity.user ?? null;
    if (route.answer !== null) {
      answerWithoutBody(ownAnswer(route, facts), request, response);
      return { status: route.answer.status, reason, route: route.id, user };
    }
    if (facts.hasBody && route.maxBodyBytes !== null && announcedBytes(facts) > route.maxBodyBytes) {
      answerWithoutBody(refuse({ kind: 'body-too-large' }, facts), request, response);
      return { status: 413, reason: 'body-too-large', route: route.id, user };
    }
    const signed = visitor === null ? undefined : route.assertion?.(visitor);
    const assertion = signed instanceof Promise ? await signed : signed;
    const handle = forwarder.forward({ facts, route, visitor, assertion, request, response, setCookies: [] });
    const session = visitor?.session ?? null;
    const cut = createCut(handle.abort);
    const done = session === null ? null : connections.add(session, cut.soon);
    const over =
      visitor === null ? null : traffic.add({ facts, close: cut.soon, isTunnel: false, endsAtMs: visitor.endsAtMs });
    const outcome = await handle.done;
    cut.cancel();
    done?.();
    over?.();
    return {
      status: finish(outcome, route, exchange),
      reason: reasonOf(outcome, route) ?? reason,
      route: route.id,
      user,
    };
  };

  /** Answers for an upstream that did not; returns the status that the visitor saw. */
  function finish(outcome: ForwardOutcome, route: ForwardingRoute, { facts, request, response }: Exchange): number {
    if (outcome.kind === 'answered') return outcome.status;
    if (outcome.kind !== 'failed') return 499;
    const failure = failureOf(outcome.error, route);
    if (failure.kind !== 'body-too-large')
      log.warn('upstream.failed', {
        requestId: facts.id,
        error: outcome.error,
        responseStarted: outcome.responseStarted,
      });
    if (!outcome.responseStarted) {
      answerWithoutBody(refuse(failure, facts), request, response);
    }
    return outcome.error.status;
  }
}

/** `Content-Length`; 0 where none is written: a body in chunks is counted as it comes. */
function announcedBytes(facts: RequestFacts): number {
  return Number(facts.header('content-length') ?? 0);
}

/** A request that is nearly done gets its answer; a stream or long download ends within the second that is promised. */
const cutAfterMs = 500;

function createCut(abort: () => void): { readonly soon: () => void; readonly cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    soon: () => {
      timer ??= setTimeout(abort, cutAfterMs);
    },
    cancel: () => clearTimeout(timer),
  };
}

/** What visitor, log and metric hear of an exchange that failed; the line `upstream.failed` says more of an upstream. */
export function failureOf(error: GatewayError, route: ForwardingRoute): UpstreamRefusal {
  switch (error.code) {
    case 'body-too-large':
      return { kind: 'body-too-large' };
    case 'upstream-timeout':
      return { kind: 'upstream-slow', route };
    case 'upstream-busy':
      return { kind: 'upstream-busy', route, retryAfterSeconds: Math.ceil(route.upstream.queue.waitMs / 1_000) };
    default:
      return { kind: 'upstream-down', route };
  }
}

type UpstreamRefusal = Extract<
  Failure,
  { readonly kind: 'upstream-down' | 'upstream-slow' | 'upstream-busy' | 'body-too-large' }
>;

function reasonOf(outcome: ForwardOutcome, route: ForwardingRoute): string | null {
  if (outcome.kind === 'failed') return failureOf(outcome.error, route).kind;
  if (outcome.kind === 'aborted') return 'session-ended';
  return outcome.kind === 'client-gone' ? 'client-gone' : null;
}

/** What the log says of a decision that let nobody through. */
export function completedOf(decision: Exclude<Decision, { kind: 'forward' }>, status: number): Completed {
  const route = decision.kind === 'no-route' ? null : decision.route.id;
  const visitor = decision.kind === 'deny' || decision.kind === 'step-up' ? decision.visitor : null;
  const rejected = decision.kind === 'challenge' ? decision.rejected : null;
  return { status, reason: rejected?.reason ?? decision.reason, route, user: visitor?.identity.user ?? null };
}
