import { Keyv } from 'keyv';

/** The records of one namespace, as a Keyv calls them. Values are text; an end is the store's own knowledge, by one clock. */
export interface RecordStore {
  /** How Keyv knows that `iterator` is there. */
  readonly opts: { readonly dialect: 'sqlite' | 'redis'; readonly url: string };
  readonly get: (key: string) => Promise<string | undefined>;
  /** `ttlMs` undefined: no end. */
  readonly set: (key: string, value: string, ttlMs?: number) => Promise<void>;
  /** The conditional write that Keyv lacks: true when `expected` stood there and `value` does now. */
  readonly replace: (key: string, expected: string, value: string, ttlMs: number) => Promise<boolean>;
  /** True when nothing stood there and `value` does now. */
  readonly add: (key: string, value: string, ttlMs: number) => Promise<boolean>;
  /** True for exactly one of several callers. */
  readonly delete: (key: string) => Promise<boolean>;
  readonly has: (key: string) => Promise<boolean>;
  /** Empties this namespace only. */
  readonly clear: () => Promise<void>;
  readonly iterator: () => AsyncGenerator<[key: string, value: string]>;
}

/** What stands in the store for a value: Keyv's own form, less the end. */
export function writeValue(value: unknown): string {
  return JSON.stringify({ value });
}

/**
 * Makes the Keyv of one subject. Keyv's defaults are unsafe for a gateway: errors would become `undefined`, which reads as
 * "no such session".
 */
export function createNamespace(records: RecordStore, name: string): Keyv {
  return new Keyv({
    // A copy, because Keyv writes its namespace into it.
    store: { ...records },
    namespace: name,
    // The record store keeps namespaces apart itself.
    useKeyPrefix: false,
    throwOnErrors: true,
    emitErrors: false,
    serialize: ({ value }) => writeValue(value),
    deserialize: JSON.parse,
  });
}
