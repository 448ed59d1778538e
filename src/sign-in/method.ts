import type { Identity } from '../identity/identity.ts';
import type { Session, SessionProvider } from '../session/session.ts';

/** Why a password was not good: for the audit log alone, the visitor hears the same of all. */
export type RefusalReason =
  | 'unknown-user'
  | 'wrong-password'
  | 'user-disabled'
  | 'no-password'
  | 'name-taken'
  /** Of a directory: the account's or the password's time is over, too many wrong passwords, a name of several people. */
  | 'user-expired'
  | 'password-expired'
  | 'user-locked'
  | 'ambiguous-user'
  | 'too-many-groups'
  /** The name means an account that is locked under another name: to say so would tell that they are one. */
  | 'throttled';

/** What a method found out about a person. Whether they may have the user name is not yet checked: `finish.ts` does. */
export interface Verified {
  readonly kind: 'verified';
  readonly identity: Identity;
  /** Fingerprint of what was checked, for the session to remember; empty when there is none. */
  readonly credential: string;
  /** RFC 8176: `pwd`, `mfa`. */
  readonly amr: readonly string[];
  /** What the method needs to keep the session in step with its provider; left out: the session is never checked again. */
  readonly provider?: SessionProvider;
  /** Names under which the provider may end the session. */
  readonly handles?: readonly string[];
  /** When the person proved who they are, where that was before now. */
  readonly authenticatedAtMs?: number;
  /** An end of the session before the one that the configuration sets. */
  readonly endsAtMs?: number;
}

export type PasswordVerdict =
  | Verified
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      /** Which of several methods it was; left out: the one that was asked. */
      readonly method?: string;
    };

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
   * throttle does. Rejects with `sign-in-busy` when too many wait, with `directory-unavailable` or `directory-refused` when a
   * directory can't be asked.
   */
  readonly verify: (user: string, password: string) => Promise<PasswordVerdict>;
}

/** What binds a callback to the start that it answers; made anew for each start, never shown but as the protocol wants it. */
export interface RedirectSecrets {
  /** `state` parameter. */
  readonly state: string;
  readonly nonce: string;
  /** PKCE code verifier (RFC 7636 §4.1). */
  readonly verifier: string;
}

/**
 * Why the person is led to the provider: `again`, they must prove anew who they are; `switch`, somebody is signed in and wants
 * to be somebody else.
 */
export type RedirectPurpose = 'sign-in' | 'again' | 'switch';

export interface RedirectStart extends RedirectSecrets {
  readonly purpose: RedirectPurpose;
}

export type RedirectStarted =
  | { readonly kind: 'redirect'; readonly url: string }
  /** The provider can't be reached; `reason` for the log. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface RedirectCallback extends RedirectSecrets {
  readonly purpose: RedirectPurpose;
  /** When the browser was sent off, milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Query of the callback, each parameter once; nothing in it is checked but `state`. */
  readonly parameters: ReadonlyMap<string, string>;
}

export type RedirectVerdict =
  | Verified
  /** The person said no, or the answer is not good. `reason` is a kebab-case slug for the log. */
  | { readonly kind: 'refused'; readonly reason: string; readonly error?: unknown }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly error?: unknown };

export type LogoutVerdict =
  /** Sessions with this handle shall end. */
  | { readonly kind: 'end'; readonly handle: string }
  /** `reason` is a kebab-case slug for the log. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** The end of sessions, told to a provider or by it. */
export interface ProviderLogout {
  /** Where a browser whose session has ended here goes to end it there; null: nowhere. `returnAddress` is where it comes back. */
  readonly signOutUrl: (
    session: Session,
    back: { readonly returnAddress: string; readonly state: string },
  ) => string | null;
  /** Judges a logout token (OpenID Connect Back-Channel Logout 1.0); good once. Rejects with `store-unavailable`. */
  readonly backChannel: (token: string) => Promise<LogoutVerdict>;
  /** Judges the query of a front-channel logout (OpenID Connect Front-Channel Logout 1.0). */
  readonly frontChannel: (parameters: ReadonlyMap<string, string>) => LogoutVerdict;
}

/** A way to find out who somebody is that leads the browser to a provider and hears back at `callback/ID`. */
export interface RedirectMethod {
  readonly kind: 'redirect';
  /** Stands in addresses, identities, sessions, rules and logs. */
  readonly id: string;
  /** What the button says it leads to: `Corp SSO`. */
  readonly label: string;
  /** False while the provider is known not to answer: its button says so. */
  readonly isAvailable: () => boolean;
  /** Where to send the browser. Never rejects for what the provider does. */
  readonly start: (start: RedirectStart) => Promise<RedirectStarted>;
  /** What the provider can do about the end of sessions; left out: nothing. */
  readonly logout?: ProviderLogout;
  /** Judges the answer. The transaction was taken already: no callback is looked at twice. */
  readonly finish: (callback: RedirectCallback) => Promise<RedirectVerdict>;
}
