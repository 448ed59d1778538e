import type { Rejected } from '../authentication/authenticator.ts';
import type { Decision } from '../gate.ts';
import type { RequestFacts, Unreadable } from '../request/facts.ts';
import type { Route } from '../route/table.ts';
import type { Answer } from './answer.ts';
import { basicChallenge, bearerChallenge, cookieChallenge } from './challenges.ts';
import { isNavigation, isProgram, isScript, type Asked } from './browser-or-api.ts';
import type { Pages } from './pages/pages.ts';
import type { Visit } from './pages/visit.ts';
import { deniedDetails, unavailableProblems } from './problem-texts.ts';
import { problemAnswer, type Problem } from './problem.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { unreadableDetails } from './unreadable-details.ts';
import { createSignInUrls, targetOf, type SignInUrlOptions } from './sign-in-url.ts';

/** What went wrong without the gate's doing. */
export type Failure =
  /** `requestId` and `asked` as far as they are known, so that a person gets a page and an id to tell. */
  | {
      readonly kind: 'unreadable';
      readonly unreadable: Unreadable;
      readonly requestId?: string;
      readonly asked?: Asked;
    }
  /** The store, a directory, or who vouches for a machine's token, can't be reached: nobody can be looked up. */
  | {
      readonly kind: 'unavailable';
      readonly retryAfterSeconds: number;
      /** Default: the store. */
      readonly reason?: keyof typeof unavailableProblems;
    }
  | { readonly kind: 'upstream-down' | 'upstream-slow'; readonly route: Route | null }
  /** The request's body is larger than the route takes. */
  | { readonly kind: 'body-too-large' }
  /** Every target of the app has as many requests as it may. */
  | { readonly kind: 'upstream-busy'; readonly route: Route | null; readonly retryAfterSeconds: number }
  | { readonly kind: 'websocket-origin' }
  | { readonly kind: 'internal'; readonly requestId?: string };

/** Every way in which a request is not forwarded. */
export type Refusal = Exclude<Decision, { readonly kind: 'forward' }> | Failure;

export interface RefuserOptions extends SignInUrlOptions {
  readonly pages: Pages;
  /** `Strict-Transport-Security`; null: none. */
  readonly hsts?: string | null;
  /** `Set-Cookie` values that expire our session cookie, for a visitor who sent a dead one. */
  readonly clearCookies: readonly string[];
  /** Access tokens are in use, so that programs may send one as the password of Basic. */
  readonly accessTokens: boolean;
}

/**
 * Makes the answer to a request that is not forwarded: a page or a redirect for a person, a problem for a program.
 * Facts are null only when the request could not be read. The body is the one that GET gets; the writer leaves it out for HEAD.
 */
export type Refuse = (refusal: Refusal, facts: RequestFacts | null) => Answer;

/** One refusal in both its forms; the fitting one is made. */
interface Refused {
  readonly problem: Omit<Problem, 'requestId'>;
  readonly problemHeaders?: Answer['headers'];
  /** Absent: a program's answer for everybody. */
  readonly page?: (visit: Visit) => Answer;
  /** On either. */
  readonly headers?: Answer['headers'];
  readonly close?: boolean;
}

export function createRefuser(options: RefuserOptions): Refuse {
  const { pages } = options;
  const urls = createSignInUrls(options);
  const bare = createSecurityHeaders(options).bare();
  const retryAfter = (seconds: number) => [['Retry-After', String(Math.max(1, Math.ceil(seconds)))] as const];

  const redirect =
    (location: string): ((visit: Visit) => Answer) =>
    () => ({ status: 302, headers: [...bare, ['Location', location]], body: '' });

  /** Where a program's person should come back to: a page of the app, not the address that its script called. */
  const programTarget = (facts: RequestFacts, route: Route) =>
    (facts.method === 'GET' || facts.method === 'HEAD') && !isScript(facts) && facts.upgrade.length === 0
      ? targetOf(facts)
      : route.path;

  /** A browser answers a Basic challenge with a password prompt of its own: not for a script, and only where it must be. */
  const challengesTo = (route: Route, facts: RequestFacts, rejected: Rejected | null): Answer['headers'] => {
    if (rejected?.scheme === 'bearer') return [bearerChallenge(route.title, rejected.reason)];
    if (isScript(facts)) return [cookieChallenge];
    if (route.acceptBasic || rejected?.scheme === 'basic') return [basicChallenge(route.title)];
    const takesTokens = route.acceptTokens && options.accessTokens && isProgram(facts);
    return takesTokens ? [cookieChallenge, basicChallenge(route.title)] : [cookieChallenge];
  };

  const challenge = (refusal: Extract<Refusal, { kind: 'challenge' }>, facts: RequestFacts): Refused => {
    const { route, rejected } = refusal;
    const headers = rejected?.clearSessionCookie
      ? options.clearCookies.map((cookie) => ['Set-Cookie', cookie] as const)
      : [];
    if (rejected !== null && rejected.retryAfterSeconds !== null) {
      const retryAfterSeconds = rejected.retryAfterSeconds;
      return {
        problem: { status: 429, reason: rejected.reason, detail: 'Too many failed tries; wait before the next one.' },
        problemHeaders: retryAfter(retryAfterSeconds),
        page: (visit) => pages.tooManyTries(visit, { retryAfterSeconds }),
        headers,
      };
    }
    const signInUrl = urls.signIn(facts, programTarget(facts, route));
    const problemHeaders = challengesTo(route, facts, rejected);
    const problem = { status: 401, reason: refusal.reason, detail: 'Sign in first, at signInUrl.', signInUrl };
    // Credentials in the request itself come again with every try: a redirect would lead nowhere, a 401 lets them be corrected.
    if (rejected !== null && !rejected.clearSessionCookie) {
      return {
        problem: { ...problem, reason: rejected.reason, detail: 'These credentials were not accepted.' },
        problemHeaders,
        page: (visit) => withHeaders(pages.wrongCredentials(visit), problemHeaders),
      };
    }
    return {
      problem,
      problemHeaders,
      page: redirect(urls.signIn(facts, targetOf(facts))),
      headers,
    };
  };

  const stepUp = (refusal: Extract<Refusal, { kind: 'step-up' }>, facts: RequestFacts): Refused => {
    const url = refusal.step === 'second-factor' ? urls.stepUp : urls.signInAgain;
    const detail =
      refusal.step === 'second-factor'
        ? 'A second factor is needed for this; see stepUpUrl.'
        : 'The sign-in was too long ago for this; sign in again at stepUpUrl.';
    const stepUpUrl = url(facts, programTarget(facts, refusal.route));
    return {
      problem: { status: 401, reason: refusal.reason, detail, stepUpUrl },
      problemHeaders: [cookieChallenge],
      page: redirect(url(facts, targetOf(facts))),
    };
  };

  const deny = (refusal: Extract<Refusal, { kind: 'deny' }>, facts: RequestFacts): Refused => ({
    problem: { status: 403, reason: refusal.reason, detail: deniedDetails[refusal.reason] },
    page: (visit) =>
      pages.denied(visit, {
        user: refusal.visitor?.identity.user ?? null,
        app: refusal.route.title,
        signInUrl: urls.signIn(facts, targetOf(facts)),
        requestId: facts.id,
      }),
  });

  const notFound = (reason: string): Refused => ({
    problem: { status: 404, reason, detail: 'Nothing is served at this address.' },
    page: (visit) => pages.notFound(visit),
  });

  const failure = (refusal: Failure, requestId: string | null): Refused => {
    switch (refusal.kind) {
      case 'unreadable': {
        const { status, reason } = refusal.unreadable;
        const isSaid = status === 426 ? { headers: [['Upgrade', 'websocket']] as const } : {};
        return {
          problem: { status, reason, detail: unreadableDetails[status] },
          page: (visit) => pages.badRequest(visit, { status, requestId }),
          close: true,
          ...isSaid,
        };
      }
      case 'unavailable':
        return {
          problem: { status: 503, ...unavailableProblems[refusal.reason ?? 'store-unavailable'] },
          problemHeaders: retryAfter(refusal.retryAfterSeconds),
          page: (visit) => pages.unavailable(visit, refusal),
        };
      case 'upstream-down':
        return {
          problem: { status: 502, reason: refusal.kind, detail: 'The app behind this address cannot be reached.' },
          page: (visit) => pages.upstreamDown(visit, { app: refusal.route?.title ?? null, requestId }),
        };
      case 'upstream-slow':
        return {
          problem: { status: 504, reason: refusal.kind, detail: 'The app behind this address took too long.' },
          page: (visit) => pages.upstreamSlow(visit, { app: refusal.route?.title ?? null, requestId }),
        };
      case 'body-too-large':
        return { problem: { status: 413, reason: refusal.kind, detail: 'The body is larger than this app takes.' } };
      case 'upstream-busy':
        return {
          problem: { status: 503, reason: refusal.kind, detail: 'The app behind this address is busy; try again.' },
          problemHeaders: retryAfter(refusal.retryAfterSeconds),
          page: (visit) => pages.upstreamBusy(visit, { ...refusal, app: refusal.route?.title ?? null, requestId }),
        };
      case 'websocket-origin':
        return {
          problem: { status: 403, reason: refusal.kind, detail: 'This origin may not open WebSockets here.' },
        };
      case 'internal':
        return {
          problem: { status: 500, reason: refusal.kind, detail: 'Something went wrong on our side.' },
          page: (visit) => pages.internal(visit, { requestId }),
        };
    }
  };

  const describe = (refusal: Refusal, facts: RequestFacts | null, requestId: string | null): Refused => {
    switch (refusal.kind) {
      case 'challenge':
      case 'step-up':
      case 'deny':
        // the gate decides on facts only, so they are there; without them the answer stays a no
        if (facts === null) return failure({ kind: 'internal' }, requestId);
        if (refusal.kind === 'challenge') return challenge(refusal, facts);
        return refusal.kind === 'step-up' ? stepUp(refusal, facts) : deny(refusal, facts);
      case 'no-route':
        return notFound(refusal.reason);
      case 'refuse':
        return {
          problem: { status: refusal.status, reason: refusal.reason, detail: 'This address cannot be served here.' },
          page: (visit) => pages.badRequest(visit, { status: refusal.status, requestId }),
          close: true,
        };
      default:
        return failure(refusal, requestId);
    }
  };

  return (refusal, facts) => {
    const asked = facts ?? (refusal.kind === 'unreadable' ? refusal.asked : undefined) ?? null;
    const requestId = facts?.id ?? ('requestId' in refusal ? (refusal.requestId ?? null) : null);
    const refused = describe(refusal, facts, requestId);
    const answer =
      refused.page !== undefined && asked !== null && isNavigation(asked)
        ? refused.page(pages.visit(facts, asked))
        : problemAnswer({ ...refused.problem, requestId }, [...bare, ...(refused.problemHeaders ?? [])]);
    return {
      ...withHeaders(answer, refused.headers ?? []),
      ...(refused.close === true ? { close: true } : {}),
    };
  };
}

function withHeaders(answer: Answer, headers: Answer['headers']): Answer {
  return headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] };
}
