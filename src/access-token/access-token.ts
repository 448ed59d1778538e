import type { Identity } from '../identity/identity.ts';

/** A personal access token, as the store knows it; the text that opens something is known to its owner alone. */
export interface AccessToken {
  /** base64url(SHA-256) of the text, 43 characters: the store's key, and the name for listing and revoking. */
  readonly id: string;
  readonly owner: TokenOwner;
  /** What its owner calls it. */
  readonly name: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Ids of the routes that it opens; null: every one that its owner may use. */
  readonly routes: readonly string[] | null;
  /** Methods that it may be used with; null: any. */
  readonly methods: readonly string[] | null;
}

/** A person is an issuer and a subject there; the user name is for people who read. */
export type TokenOwner = Pick<Identity, 'user' | 'issuer' | 'subject'>;

export interface NewAccessToken {
  /** The owner, as they are at this moment. */
  readonly identity: Identity;
  readonly name: string;
  readonly lifetimeMs: number;
  readonly routes: readonly string[] | null;
  readonly methods: readonly string[] | null;
  /** A person has at most this many. */
  readonly perPerson: number;
}

/** When and from where a token was last used, exact to a minute. */
export interface TokenUse {
  readonly atMs: number;
  readonly address: string;
}

/** What is behind a text that somebody sent. */
export type FoundToken =
  | {
      readonly kind: 'found';
      readonly token: AccessToken;
      /** What a provider said of the owner last; null for local users, of whom the users file tells. */
      readonly owner: Identity | null;
    }
  /** Can't be a token: the form or the checksum is wrong. The store was not asked. */
  | { readonly kind: 'malformed' }
  /** There is none, or there is none any more. */
  | { readonly kind: 'unknown' };

/** Why a token is over; the same slug in the audit log. */
export type TokenEndReason = 'revoked' | 'user-gone' | 'name-taken' | 'name-released';

/**
 * Personal access tokens. All methods reject with `store-unavailable` when the store can't be reached. `find` answers
 * synchronously on a near-cache hit, and what ends takes effect at the next request on every process of the store.
 */
export interface AccessTokenStore {
  /** Null when the person has as many as they may have. `text` is told this once. */
  readonly create: (input: NewAccessToken) => Promise<{ readonly text: string; readonly token: AccessToken } | null>;
  readonly find: (text: string) => FoundToken | Promise<FoundToken>;
  /** Remembers a use; true when it was the first of all. */
  readonly markUsed: (token: AccessToken, use: TokenUse) => Promise<boolean>;
  /** The tokens of a person, newest first. */
  readonly list: (owner: TokenOwner) => Promise<readonly ListedToken[]>;
  /** Everybody's, in no order; for the operator. */
  readonly listAll: () => AsyncIterable<ListedToken>;
  /** Resolves when the token is dead for every process on this store. What it was; null when it did not live. */
  readonly end: (id: string, reason: TokenEndReason) => Promise<AccessToken | null>;
  /** Ends all tokens of a user name; returns how many. */
  readonly endUser: (user: string, reason: TokenEndReason) => Promise<number>;
  /** A provider has spoken of a person: their tokens stand for the person as they are now. Does nothing for who has none. */
  readonly ownerSeen: (identity: Identity) => Promise<void>;
  /** Heard for every token that ends, and with null when some may have ended unheard. Returns the end of the subscription. */
  readonly onEnded: (listener: (id: string | null) => void) => () => void;
}

export interface ListedToken {
  readonly token: AccessToken;
  readonly lastUse: TokenUse | null;
}

/** Enough of an id to find a token again in the log and by `sallyport token revoke`. */
export function shortTokenId(id: string): string {
  return id.slice(0, 12);
}
