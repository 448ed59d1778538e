import type { Identity } from '../identity/identity.ts';

/** Why a password was not good: for the audit log alone, the visitor hears the same of all. */
export type RefusalReason = 'unknown-user' | 'wrong-password' | 'user-disabled' | 'no-password';

export type PasswordVerdict =
  | {
      readonly kind: 'verified';
      readonly identity: Identity;
      /** Fingerprint of what was checked, for the session to remember. */
      readonly credential: string;
      /** RFC 8176: `pwd`. */
      readonly amr: readonly string[];
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

/**
 * A way to find out who somebody is by a user name and a password. `kind` tells it from methods that lead the browser elsewhere
 * and hear back later.
 */
export interface PasswordMethod {
  readonly kind: 'password';
  /** Stands in identities, sessions, rules and logs: `local`. */
  readonly id: string;
  /**
   * `user` is a canonical name. Takes as long for a user who is not there as for one who is. Limits nothing by itself: the
   * throttle does. Rejects with `sign-in-busy` when too many wait.
   */
  readonly verify: (user: string, password: string) => Promise<PasswordVerdict>;
}
