export interface SlotsOptions {
  /** Waiting tries over all keys; beyond, `acquire` answers null at once. */
  readonly maxWaiting: number;
}

/** So many at a time for each key, in order of arrival, within this process. */
export interface Slots {
  /** The function that frees the slot, to be called once; null when none came free in time. */
  readonly acquire: (key: string, limit: number, patienceMs: number) => Promise<(() => void) | null>;
}

/** @example const free = await createSlots({ maxWaiting: 500 }).acquire('account:alice', 5, 10_000) */
export function createSlots({ maxWaiting }: SlotsOptions): Slots {
  const places = new Map<string, { taken: number; readonly queue: Set<() => void> }>();
  let waiting = 0;

  const freeOnce = (key: string): (() => void) => {
    let isFree = false;
    return () => {
      const place = places.get(key);
      if (isFree || !place) return;
      isFree = true;
      const [next] = place.queue;
      // Whoever waits longest takes over the slot.
      if (next) next();
      else if (place.taken > 1) place.taken -= 1;
      else places.delete(key);
    };
  };

  return {
    acquire: async (key, limit, patienceMs) => {
      const place = places.get(key) ?? { taken: 0, queue: new Set() };
      places.set(key, place);
      if (place.taken < limit) {
        place.taken += 1;
        return freeOnce(key);
      }
      if (waiting >= maxWaiting) return null;
      waiting += 1;
      const isOurs = await new Promise<boolean>((resolve) => {
        const leave = (outcome: boolean) => (): void => {
          clearTimeout(timer);
          place.queue.delete(takeOver);
          waiting -= 1;
          resolve(outcome);
        };
        const takeOver = leave(true);
        const timer = setTimeout(leave(false), patienceMs);
        place.queue.add(takeOver);
      });
      return isOurs ? freeOnce(key) : null;
    },
  };
}
