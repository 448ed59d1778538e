import type { Identity } from '../identity/identity.ts';

/** The server-side record of one sign-in. The cookie holds only the token; `id` is the token's SHA-256 and opens nothing. */
export interface Session {
  /** base64url(SHA-256(token)), 43 characters: the store's key, and the name for listing and revoking. */
  readonly id: string;
  readonly identity: Identity;
  /** Host, or cookie domain, that the cookie was given to; the token is good nowhere else. */
  readonly site: string;
  /** When this sign-in (or the last step-up) happened. */
  readonly authenticatedAtMs: number;
  readonly createdAtMs: number;
  /** Last request, as exact as `touchEveryMs` (limits.ts) says: to a few minutes. */
  readonly lastSeenAtMs: number;
  /** Sliding limit in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Absolute end. */
  readonly expiresAtMs: number;
  readonly remembered: boolean;
  /** Authentication methods (RFC 8176): `pwd`. */
  readonly amr: readonly string[];
  /** Client address and user agent (cut to 256 characters) at sign-in, for the person's own list. */
  readonly address: string;
  readonly userAgent: string;
  /** Fingerprint of the credential that was used; when the user's credential changes, the session ends. */
  readonly credential: string;
  /** What keeps this session in step with the provider that vouched for it; null when nobody need be asked again. */
  readonly provider: SessionProvider | null;
  /** Names besides the user's under which the session is found to be ended: its sign-in, its session at the provider. */
  readonly handles: readonly string[];
}

/** A `checkAtMs` that never comes. */
export const neverChecked = Number.MAX_SAFE_INTEGER;

/** A sign-in method's part of a session. */
export interface SessionProvider {
  /** Id of the method, whose renewer is asked. */
  readonly id: string;
  /** When the provider must be asked again; `neverChecked`: it need not be. */
  readonly checkAtMs: number;
  /** Since when asking has failed; null while it works. */
  readonly failingSinceMs: number | null;
  /** The method's own notes (tokens, a DN): opaque to everybody else, sealed with the record. */
  readonly data: string;
  /** What a route may hand on to its app when it says so; null when there is none. */
  readonly accessToken: string | null;
}

export interface NewSession {
  readonly identity: Identity;
  readonly site: string;
  readonly remembered: boolean;
  readonly amr: readonly string[];
  readonly address: string;
  readonly userAgent: string;
  readonly credential: string;
  readonly provider?: SessionProvider | null;
  readonly handles?: readonly string[];
  /** When the person proved who they are, where that was before now. */
  readonly authenticatedAtMs?: number;
  /** An end before the one that the configuration sets. */
  readonly endsAtMs?: number;
}

/** What an update replaces; what is left out stays. The user name of an identity never changes. */
export interface SessionChange {
  readonly identity?: Identity;
  readonly credential?: string;
  readonly provider?: SessionProvider | null;
}

/** Why a session is over; the same slug in the audit log. */
export type EndReason =
  | 'signed-out'
  | 'revoked'
  | 'replaced'
  | 'expired'
  | 'user-gone'
  | 'credential-changed'
  | 'too-many'
  /** The provider no longer vouches for the person: signed out there, refresh token revoked, account gone. */
  | 'provider-ended'
  /** The provider could not be asked for too long. */
  | 'provider-unreachable'
  /** The user name belongs to somebody else now. */
  | 'name-taken';

/**
 * Live sessions. All methods reject with `store-unavailable` when the store can't be reached.
 * `find` answers synchronously on a near-cache hit.
 */
export interface SessionStore {
  /** Always a new random 256-bit token (base64url, 43 characters). */
  readonly create: (input: NewSession) => Promise<{ readonly token: string; readonly session: Session }>;
  /** Null for a token that we did not issue, or whose session is over. Never more than one read of the store. */
  readonly find: (token: string) => Session | null | Promise<Session | null>;
  /** Reads a session by its id, always from the store; null when it is over. */
  readonly read: (id: string) => Promise<Session | null>;
  /** Slides the idle timeout; writes at most once a minute a session; never brings an ended session back. */
  readonly touch: (session: Session) => void | Promise<void>;
  /** Replaces parts of the record (new groups, new tokens) without a new token. Null when the session is over. */
  readonly update: (session: Session, change: SessionChange) => Promise<Session | null>;
  /** Resolves when the session is dead for every process on this store. True when it lived. */
  readonly end: (id: string, reason: EndReason) => Promise<boolean>;
  /** Ends all sessions of a user, less one; returns how many. */
  readonly endUser: (user: string, reason: EndReason, exceptId?: string) => Promise<number>;
  /** Ends every session that bears this handle; returns what they were. */
  readonly endHandle: (handle: string, reason: EndReason) => Promise<readonly Session[]>;
  readonly list: (user: string) => Promise<readonly Session[]>;
  /** Every live session, in no order; for the operator. */
  readonly listAll: () => AsyncIterable<Session>;
  /** Heard for every ended session, also those ended by other processes. Returns the function that ends the subscription. */
  readonly onEnded: (listener: (id: string) => void) => () => void;
  /** Heard when ends may have gone unheard (the channel was lost): check anew what you hold. Returns the end of the subscription. */
  readonly onDoubt: (listener: () => void) => () => void;
}

/** Connections that must not outlive their session: upgraded sockets, event streams, long downloads. */
export interface LiveConnections {
  /**
   * Watches a connection; `close` is called within a second of the session's end (sign-out, revocation, idle or absolute
   * limit). Returns the function to call when the connection is over by itself.
   */
  readonly add: (session: Session, close: () => void) => () => void;
  readonly size: () => number;
  /** Stops timers and subscriptions. */
  readonly stop: () => void;
}
