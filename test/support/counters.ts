import { setImmediate as turn } from 'node:timers/promises';
import type { CounterStore } from '../../src/store/store.ts';

/** Counters in memory on a clock of the test's own; every call takes a turn of the event loop, so that tries interleave. */
export function createTestCounters(now: () => number): CounterStore & { readonly calls: () => number } {
  const counters = new Map<string, { count: number; endsAtMs: number }>();
  let calls = 0;
  const live = (key: string) => {
    const counter = counters.get(key);
    if (counter && counter.endsAtMs <= now()) counters.delete(key);
    return counters.get(key);
  };
  return {
    calls: () => calls,
    add: async (key, by, windowMs) => {
      calls += 1;
      await turn();
      const counter = live(key) ?? { count: 0, endsAtMs: now() + windowMs };
      counter.count = Math.max(0, counter.count + by);
      counters.set(key, counter);
      return { ...counter };
    },
    get: async (key) => {
      calls += 1;
      await turn();
      const counter = live(key);
      return counter ? { ...counter } : null;
    },
    clear: async (key) => {
      calls += 1;
      await turn();
      counters.delete(key);
    },
  };
}
