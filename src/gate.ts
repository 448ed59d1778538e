import type { Authentication, Authenticated, Authenticator, Rejected } from './authentication/authenticator.ts';
import { GatewayError } from './errors.ts';
import type { Policy, PolicyQuestion, PolicySubject, Verdict } from './policy/policy.ts';
import type { RequestFacts } from './request/facts.ts';
import type { Route, RouteTable } from './route/table.ts';

/** The gate's word on a request. Every decision names its reason, a stable kebab-case slug. */
export type Decision =
  | {
      readonly kind: 'forward';
      readonly route: Route;
      /** Null on a rule that lets anyone in. */
      readonly visitor: Authenticated | null;
      readonly rule: number;
      readonly reason: 'allowed' | 'allowed-anyone';
    }
  /** Not signed in: sign-in page or 401. `rejected` tells of a credential that was not good. */
  | {
      readonly kind: 'challenge';
      readonly route: Route;
      readonly rejected: Rejected | null;
      readonly reason: 'not-signed-in';
    }
  | {
      readonly kind: 'step-up';
      readonly route: Route;
      readonly visitor: Authenticated;
      readonly step: 'second-factor' | 'recent-sign-in';
      readonly reason: 'second-factor-required' | 'recent-sign-in-required';
    }
  | {
      readonly kind: 'deny';
      readonly route: Route;
      readonly visitor: Authenticated | null;
      /** `token-limited`: the owner of the token may, but made it for less. */
      readonly reason: 'denied' | 'token-limited';
    }
  | { readonly kind: 'no-route'; readonly reason: 'no-route' }
  /**
   * Readable, but not for this route: an encoded slash where none is expected, or slashes that would stand first once
   * the prefix is taken away.
   */
  | {
      readonly kind: 'refuse';
      readonly status: 400;
      readonly route: Route;
      readonly reason: 'encoded-slash' | 'double-slash-behind-prefix';
    };

export interface GateOptions {
  readonly routes: RouteTable;
  readonly authenticate: Authenticator;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Facts in, decision out; nothing is written. Synchronous when the visitor's session is in the near cache. Rules about time
 * are judged as of `atMs` (milliseconds since 1970), by default now.
 */
export type Gate = (facts: RequestFacts, atMs?: number) => Decision | Promise<Decision>;

/**
 * Builds the one gate that every door asks. Whose is the request, may anyone pass, and if not: who asks, and may they?
 * Who asks is only looked up when the rules want to know it. Throws what the authenticator throws.
 */
export function createGate({ routes, authenticate, now }: GateOptions): Gate {
  return (facts, atMs = now()) => {
    const route = routes.find(facts.host, facts.path);
    if (route === null) return { kind: 'no-route', reason: 'no-route' };
    if (facts.hasEncodedSlash && !route.encodedSlashes)
      return { kind: 'refuse', status: 400, route, reason: 'encoded-slash' };
    // `/app//admin` less `/app` is `//admin`: an authority to some servers, `/admin` to others.
    if (route.answer === null && route.upstreamPath !== null && facts.path.startsWith('//', route.path.length))
      return { kind: 'refuse', status: 400, route, reason: 'double-slash-behind-prefix' };

    const readings = readingsOf(facts, route, routes, atMs);
    const verdict = strictest(readings, null);
    if (verdict.kind !== 'needs-identity') return settle(route, verdict, null);
    const answer = authenticate(facts, route);
    return answer instanceof Promise
      ? answer.then((settled) => limit(recognise(route, readings, settled), facts, routes))
      : limit(recognise(route, readings, answer), facts, routes);
  };
}

/** A token that its owner made for less than they may do themself opens no more, however the path is read. */
function limit(decision: Decision, facts: RequestFacts, routes: RouteTable): Decision {
  if (decision.kind !== 'forward') return decision;
  const { route, visitor } = decision;
  const limits = visitor?.limits;
  if (limits === undefined) return decision;
  const { methods, routes: allowed } = limits;
  const isOpen = ({ id }: Route): boolean => allowed === null || allowed.has(id);
  const isWithin =
    // What goes through a WebSocket has no method.
    (methods === null || (methods.has(facts.method) && facts.upgrade.length === 0)) &&
    isOpen(route) &&
    (allowed === null ||
      [facts.path, ...facts.otherReadings].every((path) => {
        const owner = routes.find(facts.host, path);
        return (owner === null || isOpen(owner)) && routes.findIgnoringCase(facts.host, path).every(isOpen);
      }));
  return isWithin ? decision : { kind: 'deny', route, visitor, reason: 'token-limited' };
}

/** The visitor has been looked up: ask again, now that we know. */
function recognise(route: Route, readings: readonly Reading[], answer: Authentication): Decision {
  switch (answer.kind) {
    case 'none':
      return { kind: 'challenge', route, rejected: null, reason: 'not-signed-in' };
    case 'rejected':
      return { kind: 'challenge', route, rejected: answer, reason: 'not-signed-in' };
    case 'authenticated':
      return settle(route, strictest(readings, answer), answer);
  }
}

function settle(route: Route, verdict: StrictVerdict, visitor: Authenticated | null): Decision {
  switch (verdict.kind) {
    case 'allow':
      if (visitor === null && !verdict.anonymous)
        throw new GatewayError('internal', 'a rule let an unknown visitor in');
      return {
        kind: 'forward',
        route,
        visitor,
        rule: verdict.rule,
        reason: visitor === null ? 'allowed-anyone' : 'allowed',
      };
    case 'needs-second-factor':
    case 'needs-recent-sign-in':
      if (visitor === null) return { kind: 'challenge', route, rejected: null, reason: 'not-signed-in' };
      return verdict.kind === 'needs-second-factor'
        ? { kind: 'step-up', route, visitor, step: 'second-factor', reason: 'second-factor-required' }
        : { kind: 'step-up', route, visitor, step: 'recent-sign-in', reason: 'recent-sign-in-required' };
    case 'needs-identity':
      return { kind: 'challenge', route, rejected: null, reason: 'not-signed-in' };
    case 'no-route':
      return { kind: 'no-route', reason: 'no-route' };
    case 'deny':
      return { kind: 'deny', route, visitor, reason: 'denied' };
  }
}

/** One way in which the request may be understood, and the rules that judge it so; null: no route would have it. */
export interface Reading {
  readonly policy: Policy | null;
  readonly question: PolicyQuestion;
}

type StrictVerdict = Verdict | { readonly kind: 'no-route' };

/**
 * The plain reading first. Then all others that an upstream might make of the path (facts.otherReadings), each as it is
 * and without regard to case, judged by the rules of the route that has the request and of the one that would have it.
 */
export function readingsOf(facts: RequestFacts, route: Route, routes: RouteTable, nowMs: number): readonly Reading[] {
  const { method, host, clientAddress } = facts;
  const question = (path: string, ignoreCase: boolean): PolicyQuestion => ({
    path,
    method,
    host,
    clientAddress,
    nowMs,
    ignoreCase,
  });
  const readings: Reading[] = [{ policy: route.policy, question: question(facts.path, false) }];
  const judge = (owners: ReadonlySet<Route>, path: string, ignoreCase: boolean): void => {
    for (const { policy } of owners)
      if (policy !== route.policy || policy.judgesPaths)
        readings.push({ policy, question: question(path, ignoreCase) });
  };
  for (const path of [facts.path, ...facts.otherReadings]) {
    const owners = new Set([route]);
    if (path !== facts.path) {
      const owner = routes.find(host, path);
      if (owner === null) readings.push({ policy: null, question: question(path, false) });
      else owners.add(owner);
      judge(owners, path, false);
    }
    for (const owner of routes.findIgnoringCase(host, path)) owners.add(owner);
    judge(owners, path, true);
  }
  return readings;
}

/** Of all readings the strictest verdict stands. */
export const strictness = {
  allow: 0,
  'needs-recent-sign-in': 1,
  'needs-second-factor': 2,
  'needs-identity': 3,
  'no-route': 4,
  deny: 5,
} as const satisfies Record<StrictVerdict['kind'], number>;

/** All readings must pass, so the strictest verdict stands; among equals the first, which is the plain one's. */
function strictest(readings: readonly Reading[], subject: PolicySubject | null): StrictVerdict {
  let strictestYet: StrictVerdict | null = null;
  for (const { policy, question } of readings) {
    const verdict = policy === null ? noRoute : policy.evaluate(question, subject);
    if (strictestYet === null || strictness[verdict.kind] > strictness[strictestYet.kind]) strictestYet = verdict;
  }
  return strictestYet ?? noRoute;
}

const noRoute: StrictVerdict = { kind: 'no-route' };
