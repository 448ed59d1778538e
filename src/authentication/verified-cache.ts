export interface VerifiedCacheOptions {
  readonly maxEntries: number;
  readonly now: () => number;
}

/** Results that hold for a while and for one revision of the users; the oldest goes when it is full. */
export interface VerifiedCache<T> {
  readonly get: (key: string, revision: number) => T | undefined;
  readonly put: (key: string, value: T, revision: number, expiresAtMs: number) => void;
  readonly size: () => number;
}

/** @example const cache = createVerifiedCache<Identity>({ maxEntries: 10_000, now: runtime.now }) */
export function createVerifiedCache<T>({ maxEntries, now }: VerifiedCacheOptions): VerifiedCache<T> {
  const entries = new Map<string, { readonly value: T; readonly expiresAtMs: number }>();
  let heldRevision = 0;

  const follow = (revision: number): void => {
    if (revision === heldRevision) return;
    entries.clear();
    heldRevision = revision;
  };

  return {
    get: (key, revision) => {
      follow(revision);
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (entry.expiresAtMs > now()) return entry.value;
      entries.delete(key);
      return undefined;
    },
    put: (key, value, revision, expiresAtMs) => {
      // A comparison that began before the users changed says nothing about them now.
      if (revision < heldRevision) return;
      follow(revision);
      const oldest = entries.size >= maxEntries ? entries.keys().next() : undefined;
      if (oldest && !oldest.done) entries.delete(oldest.value);
      entries.set(key, { value, expiresAtMs });
    },
    size: () => entries.size,
  };
}
