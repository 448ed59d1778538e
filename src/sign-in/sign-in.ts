import { canonicalUserName } from '../identity/user-name.ts';
import type { RequestFacts } from '../request/facts.ts';
import { hasCode } from '../errors.ts';
import type { Session, SessionStore } from '../session/session.ts';
import { endSessionsOf } from './browser-sessions.ts';
import type { PasswordMethod, PasswordVerdict, RefusalReason } from './method.ts';
import type { Throttle } from './throttle.ts';

/** What the audit log hears of; `fields` hold no secret. */
export type SignInAudit = (
  event: 'sign-in.succeeded' | 'sign-in.failed' | 'sign-in.throttled',
  facts: RequestFacts,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface PasswordSignInOptions {
  readonly method: PasswordMethod;
  readonly throttle: Throttle;
  readonly sessions: Pick<SessionStore, 'create' | 'find' | 'end'>;
  /** Where the cookie that a host may set is sent; as `SessionCookie` has it. */
  readonly siteOf: (host: string) => string;
  /** "Keep me signed in" is offered at all. */
  readonly rememberAllowed: boolean;
  readonly audit: SignInAudit;
}

export interface SignInTry {
  /** As typed. */
  readonly username: string;
  readonly password: string;
  readonly remember: boolean;
  /** Session tokens that the browser sent along: these sessions end, whoever they belong to. */
  readonly currentTokens: readonly string[];
  readonly facts: RequestFacts;
}

export type SignInResult =
  | {
      readonly kind: 'signed-in';
      readonly token: string;
      readonly session: Session;
      /** The browser was signed in as somebody else: the apps' own cookies must go too. */
      readonly userChanged: boolean;
    }
  /** `reason` is for the log: the visitor hears the same of all. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason | 'malformed-user-name' | 'empty-password' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

/** Signs in with a user name and a password: throttle, method, then always a new session. Rejects with `store-unavailable`. */
export interface PasswordSignIn {
  readonly signIn: (attempt: SignInTry) => Promise<SignInResult>;
}

const busyRetrySeconds = 2;

export function createPasswordSignIn(options: PasswordSignInOptions): PasswordSignIn {
  const { method, throttle, sessions, siteOf, rememberAllowed, audit } = options;

  const start = async (verdict: Extract<PasswordVerdict, { kind: 'verified' }>, attempt: SignInTry) => {
    const { facts, currentTokens } = attempt;
    // The old sessions first: if the store fails in between, the browser is signed out rather than signed in twice.
    const replaced = await endSessionsOf(sessions, currentTokens, 'replaced');
    const { token, session } = await sessions.create({
      identity: verdict.identity,
      site: siteOf(facts.host),
      remembered: attempt.remember && rememberAllowed,
      amr: verdict.amr,
      address: facts.clientAddress,
      userAgent: (facts.header('user-agent') ?? '').slice(0, 256),
      credential: verdict.credential,
    });
    const userChanged = replaced.some(({ identity }) => identity.user !== verdict.identity.user);
    audit('sign-in.succeeded', facts, {
      user: verdict.identity.user,
      method: method.id,
      session: session.id,
      remembered: session.remembered,
    });
    return { kind: 'signed-in', token, session, userChanged } as const;
  };

  const verify = async (user: string | null, password: string) => {
    if (user === null) return { kind: 'refused', reason: 'malformed-user-name' } as const;
    if (password === '') return { kind: 'refused', reason: 'empty-password' } as const;
    return method.verify(user, password);
  };

  return {
    signIn: async (attempt) => {
      const { facts, username, password } = attempt;
      // Keyboards put a blank behind a completed word; the password is never touched.
      const user = canonicalUserName(username.trim());
      const name = user ?? printable(username);
      const reservation = await throttle.reserve({ user, address: facts.clientAddress });
      if (reservation.kind === 'throttled') {
        audit('sign-in.throttled', facts, { user: name.slice(0, 64), method: method.id, by: reservation.by });
        return { kind: 'throttled', retryAfterSeconds: reservation.retryAfterSeconds };
      }
      let verdict: Awaited<ReturnType<typeof verify>>;
      try {
        verdict = await verify(user, password);
      } catch (error) {
        await reservation.settle('abandoned');
        if (hasCode(error, 'sign-in-busy')) return { kind: 'busy', retryAfterSeconds: busyRetrySeconds };
        throw error;
      }
      await reservation.settle(verdict.kind === 'verified' ? 'right' : 'wrong');
      if (verdict.kind === 'verified') return start(verdict, attempt);
      audit('sign-in.failed', facts, { user: name.slice(0, 64), method: method.id, reason: verdict.reason });
      return { kind: 'refused', reason: verdict.reason };
    },
  };
}

/** What somebody typed as a user name, fit for a log line. */
function printable(text: string): string {
  return text.slice(0, 256).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
