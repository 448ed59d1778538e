import type { Identity } from '../identity/identity.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Session } from '../session/session.ts';

/** A visitor who is known. */
export interface Authenticated {
  readonly kind: 'authenticated';
  readonly identity: Identity;
  /** Null for credentials that travel with each request (Basic). */
  readonly session: Session | null;
  /** `Authorization` was ours and must not reach the upstream. */
  readonly consumesAuthorization: boolean;
  readonly secondFactor: boolean;
  /** 0 for a machine: never recent enough for a rule that asks for a recent sign-in. */
  readonly authenticatedAtMs: number;
  /** How they proved who they are (RFC 8176), where no session says so. Left out: by a password. */
  readonly amr?: readonly string[];
  /** When the credential itself ends, and with it what was opened by it; left out where a session tells. */
  readonly endsAtMs?: number;
  /** Left out: none. */
  readonly limits?: CredentialLimits;
}

/** What a credential is limited to, besides what its owner may do; null: no limit. */
export interface CredentialLimits {
  /** Ids of routes. */
  readonly routes: ReadonlySet<string> | null;
  readonly methods: ReadonlySet<string> | null;
}

/** A credential of ours was there and is not good. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly reason: string;
  /** A dead session cookie was sent: the answer expires it. */
  readonly clearSessionCookie: boolean;
  /** Seconds until another try makes sense (throttled), else null. */
  readonly retryAfterSeconds: number | null;
  /** Scheme of the credential, so that the answer asks for a better one of the same kind. */
  readonly scheme?: 'bearer' | 'basic';
}

export type Authentication = { readonly kind: 'none' } | Authenticated | Rejected;

/** What of the route an authenticator may ask. */
export interface AuthenticationScope {
  readonly acceptBasic: boolean;
  /** Machines may sign in by bearer JWT or access token. */
  readonly acceptTokens: boolean;
}

/** Finds out who asks. `none`: no credential of this kind was sent. Throws `store-unavailable`. */
export type Authenticator = (
  facts: RequestFacts,
  scope: AuthenticationScope,
) => Authentication | Promise<Authentication>;

/** Asks each in turn; the first that does not answer `none` has the word. Synchronous while its members are. */
export function createAuthenticator(members: readonly Authenticator[]): Authenticator {
  const from = (
    index: number,
    facts: RequestFacts,
    scope: AuthenticationScope,
  ): Authentication | Promise<Authentication> => {
    for (let position = index; position < members.length; position += 1) {
      const answer = members[position]?.(facts, scope);
      if (answer === undefined) continue;
      if (answer instanceof Promise) {
        const next = position + 1;
        return answer.then((settled) => (settled.kind === 'none' ? from(next, facts, scope) : settled));
      }
      if (answer.kind !== 'none') return answer;
    }
    return { kind: 'none' };
  };
  return (facts, scope) => from(0, facts, scope);
}
