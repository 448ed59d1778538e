import type { Runtime } from '../runtime.ts';

export interface NearCacheOptions<Value> {
  readonly maxEntries: number;
  /** After this a value must be loaded again. */
  readonly maxAgeMs: number;
  readonly now: Runtime['now'];
  /** A second name under which a value is found again when it must go: of a session its id. */
  readonly nameOf: (value: Value) => string;
}

/** A bounded memory of what the store said a moment ago; the least recently used goes first. */
export interface NearCache<Value> {
  /** A value that is fresh enough to be believed. */
  readonly get: (key: string) => Value | undefined;
  /** Also a value past its age: good for comparing, not for believing. */
  readonly peek: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
  /** Puts a newer value in the place of the one with the same name; does nothing when there is none. */
  readonly renew: (value: Value) => void;
  readonly deleteNamed: (name: string) => void;
  readonly clear: () => void;
  readonly size: () => number;
}

/**
 * @example createNearCache<User>({ maxEntries: 1000, maxAgeMs: 5000, now: Date.now, nameOf: (user) => user.id })
 */
export function createNearCache<Value>({
  maxEntries,
  maxAgeMs,
  now,
  nameOf,
}: NearCacheOptions<Value>): NearCache<Value> {
  interface Entry {
    readonly value: Value;
    readonly storedAtMs: number;
  }
  // A Map keeps its keys in the order of insertion: the first is the least recently used.
  const entries = new Map<string, Entry>();
  const keysByName = new Map<string, string>();

  const remove = (key: string): void => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    const name = nameOf(entry.value);
    if (keysByName.get(name) === key) keysByName.delete(name);
  };

  const set = (key: string, value: Value): void => {
    remove(key);
    entries.set(key, { value, storedAtMs: now() });
    keysByName.set(nameOf(value), key);
    if (entries.size <= maxEntries) return;
    const oldest = entries.keys().next();
    if (!oldest.done) remove(oldest.value);
  };

  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const ageMs = now() - entry.storedAtMs;
      // A clock that was set back makes an entry look younger than new: not believed either.
      if (ageMs >= maxAgeMs || ageMs < 0) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    peek: (key) => entries.get(key)?.value,
    set,
    renew: (value) => {
      const key = keysByName.get(nameOf(value));
      if (key !== undefined) set(key, value);
    },
    deleteNamed: (name) => {
      const key = keysByName.get(name);
      if (key !== undefined) remove(key);
    },
    clear: () => {
      entries.clear();
      keysByName.clear();
    },
    size: () => entries.size,
  };
}
