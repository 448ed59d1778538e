import type { Keyv } from 'keyv';

/** Something that other processes on the same store must hear of at once. */
export type StoreEvent =
  | { readonly kind: 'session-ended'; readonly id: string }
  | { readonly kind: 'session-changed'; readonly id: string }
  /** The signing keys under this name were made or rotated. */
  | { readonly kind: 'keys-changed'; readonly id: string }
  | { readonly kind: 'token-ended'; readonly id: string }
  /** What a provider says of the person under this name has changed, and with it what their access tokens stand for. */
  | { readonly kind: 'token-owner-changed'; readonly id: string };

/** What a subscriber hears. `missed`: the channel was lost for a while, so whatever is held must be checked anew. */
export type StoreNews = StoreEvent | { readonly kind: 'missed' };

/** Tells all processes on one store about ended sessions and other changes. */
export interface EventChannel {
  /** Resolves when every process that asks `isCurrent` from now on will have heard of it (Redis: when the server has it). */
  readonly publish: (event: StoreEvent) => Promise<void>;
  /** Own events come back too. Returns the function that ends the subscription. */
  readonly subscribe: (listener: (news: StoreNews) => void) => () => void;
  /**
   * Called before a cached session is believed. Delivers what is pending (SQLite looks for news here, once a turn of the event
   * loop) and returns false while the channel is lost: then nothing cached may be believed and caches must be dropped.
   */
  readonly isCurrent: () => boolean;
}

/** Atomic counters with an end, shared by all processes on the store. */
export interface CounterStore {
  /**
   * Adds `by` (may be negative; a count never falls below 0) and returns the count after it. The first addition starts the
   * window; the counter vanishes `windowMs` later.
   */
  readonly add: (
    key: string,
    by: number,
    windowMs: number,
  ) => Promise<{ readonly count: number; readonly endsAtMs: number }>;
  readonly get: (key: string) => Promise<{ readonly count: number; readonly endsAtMs: number } | null>;
  readonly clear: (key: string) => Promise<void>;
}

/** Sets of members with an end each; adding and removing never reads and rewrites a shared record. */
export interface SetIndex {
  readonly add: (set: string, member: string, expiresAtMs: number) => Promise<void>;
  readonly remove: (set: string, member: string) => Promise<void>;
  readonly members: (set: string) => Promise<readonly string[]>;
}

/**
 * The one place where state outlives a request. Every method rejects with GatewayError `store-unavailable` within 1.5 s
 * when the store can't be reached; nothing hangs, nothing pretends that a record is missing.
 */
export interface Store {
  readonly kind: 'memory' | 'sqlite' | 'redis';
  /** A Keyv for one subject (`session`, `throttle`, …); keys of different namespaces never meet. */
  readonly namespace: (name: string) => Keyv;
  /**
   * Sets a value only while the one before is still `expected`: never brings a deleted or expired key back, never overwrites
   * what somebody else wrote meanwhile. Values are strings, as `namespace(name).set` took them. True when it was set.
   * @param ttlMs at least 1
   */
  readonly replace: (name: string, key: string, expected: string, value: string, ttlMs: number) => Promise<boolean>;
  /**
   * Sets a value only while nothing stands there: of several processes at once exactly one succeeds. Values as for `replace`.
   * True when it was set.
   * @param ttlMs at least 1
   */
  readonly add: (name: string, key: string, value: string, ttlMs: number) => Promise<boolean>;
  readonly counters: CounterStore;
  readonly index: SetIndex;
  readonly events: EventChannel;
  /** Resolves when the store answers now; for `/readyz`. */
  readonly check: () => Promise<void>;
  readonly close: () => Promise<void>;
}
