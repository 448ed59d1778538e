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
    readonly key: string;
    value: Value;
    storedAtMs: number;
    newer: Entry | null;
    older: Entry | null;
  }
  // The order of use is kept in links: a Map that is reordered at each hit makes tables without end for the collector.
  const entries = new Map<string, Entry>();
  const keysByName = new Map<string, string>();
  let newest: Entry | null = null;
  let oldest: Entry | null = null;

  const unlink = (entry: Entry): void => {
    if (entry.newer === null) newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === null) oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = null;
    entry.older = null;
  };

  const putFirst = (entry: Entry): void => {
    if (newest === entry) return;
    if (entry.newer !== null || entry === oldest) unlink(entry);
    entry.older = newest;
    if (newest !== null) newest.newer = entry;
    newest = entry;
    oldest ??= entry;
  };

  const forgetName = ({ key, value }: Entry): void => {
    const name = nameOf(value);
    if (keysByName.get(name) === key) keysByName.delete(name);
  };

  const remove = (entry: Entry): void => {
    entries.delete(entry.key);
    unlink(entry);
    forgetName(entry);
  };

  const set = (key: string, value: Value): void => {
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { key, value, storedAtMs: now(), newer: null, older: null };
      entries.set(key, entry);
    } else {
      forgetName(entry);
      entry.value = value;
      entry.storedAtMs = now();
    }
    keysByName.set(nameOf(value), key);
    putFirst(entry);
    if (entries.size > maxEntries && oldest !== null) remove(oldest);
  };

  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const ageMs = now() - entry.storedAtMs;
      // A clock that was set back makes an entry look younger than new: not believed either.
      if (ageMs >= maxAgeMs || ageMs < 0) return undefined;
      putFirst(entry);
      return entry.value;
    },
    peek: (key) => entries.get(key)?.value,
    set,
    renew: (value) => {
      const key = keysByName.get(nameOf(value));
      if (key !== undefined) set(key, value);
    },
    deleteNamed: (name) => {
      const entry = entries.get(keysByName.get(name) ?? '');
      if (entry !== undefined) remove(entry);
    },
    clear: () => {
      entries.clear();
      keysByName.clear();
      newest = null;
      oldest = null;
    },
    size: () => entries.size,
  };
}
