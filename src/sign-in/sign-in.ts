import { canonicalUserName } from '../identity/user-name.ts';
import type { RequestFacts } from '../request/facts.ts';
import { hasCode } from '../errors.ts';
import type { SignedIn, SignInAudit, SignInFinish } from './finish.ts';
import type { PasswordMethod, RefusalReason } from './method.ts';
import type { Throttle } from './throttle.ts';

export interface PasswordSignInOptions {
  readonly method: PasswordMethod;
  readonly throttle: Throttle;
  readonly finish: SignInFinish;
  readonly audit: SignInAudit;
}

export interface SignInTry {
  /** As typed. */
  readonly username: string;
  readonly password: string;
  readonly remember: boolean;
  readonly facts: RequestFacts;
}

export type SignInResult =
  | SignedIn
  /** `reason` is for the log: the visitor hears the same of all. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason | 'malformed-user-name' | 'empty-password' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  /** The directory can't be asked: nothing is known about the password, and nothing is counted. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

/** Signs in with a user name and a password: throttle, method, then always a new session. Rejects with `store-unavailable`. */
export interface PasswordSignIn {
  readonly signIn: (attempt: SignInTry) => Promise<SignInResult>;
}

const busyRetrySeconds = 2;
const unavailableRetrySeconds = 30;

export function createPasswordSignIn(options: PasswordSignInOptions): PasswordSignIn {
  const { method, throttle, finish, audit } = options;

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
        if (hasCode(error, 'directory-unavailable') || hasCode(error, 'directory-refused')) {
          audit('sign-in.unavailable', facts, {
            user: name.slice(0, 64),
            method: method.id,
            reason: error.code,
            error,
          });
          return { kind: 'unavailable', retryAfterSeconds: unavailableRetrySeconds };
        }
        throw error;
      }
      await reservation.settle(verdict.kind === 'verified' ? 'right' : 'wrong');
      if (verdict.kind === 'verified') return finish({ verified: verdict, remember: attempt.remember, facts });
      const { reason } = verdict;
      const by = 'method' in verdict ? verdict.method : method.id;
      audit('sign-in.failed', facts, { user: name.slice(0, 64), method: by, reason });
      return { kind: 'refused', reason };
    },
  };
}

/** What somebody typed as a user name, fit for a log line. */
function printable(text: string): string {
  return text.slice(0, 256).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
