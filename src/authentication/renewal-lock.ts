import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../store/store.ts';

const namespace = 'renewal';
const lookAgainMs = 100;

export interface RenewalLockOptions {
  readonly store: Pick<Store, 'add' | 'namespace'>;
  readonly now: () => number;
  /** A lock whose holder died falls after this. */
  readonly lockMs: number;
}

export type RenewalPlace =
  /** Ours, to be released or held. */
  | { readonly kind: 'taken' }
  /** Somebody asks at this moment. */
  | { readonly kind: 'busy' }
  /** Somebody asked in vain; nobody shall before then. */
  | { readonly kind: 'waiting'; readonly untilMs: number };

/** Lets one process at a time ask about a session, among all on the store. */
export interface RenewalLock {
  readonly take: (id: string) => Promise<RenewalPlace>;
  /** Does nothing after `holdUntil`, and after so long that it may be another's. */
  readonly release: (id: string) => Promise<void>;
  readonly holdUntil: (id: string, untilMs: number) => Promise<void>;
  /** Between two looks. */
  readonly pause: () => Promise<void>;
}

export function createRenewalLock({ store, now, lockMs }: RenewalLockOptions): RenewalLock {
  const records = store.namespace(namespace);
  const held = new Map<string, number>();
  return {
    take: async (id) => {
      if (await store.add(namespace, id, 'asking', lockMs)) {
        held.set(id, now());
        return { kind: 'taken' };
      }
      const text: unknown = await records.get(id);
      const untilMs = typeof text === 'string' ? Number(/^until (\d+)$/.exec(text)?.[1]) : Number.NaN;
      return Number.isFinite(untilMs) ? { kind: 'waiting', untilMs } : { kind: 'busy' };
    },
    release: async (id) => {
      const sinceMs = held.get(id);
      held.delete(id);
      if (sinceMs !== undefined && now() - sinceMs < lockMs) await records.delete(id);
    },
    holdUntil: async (id, untilMs) => {
      held.delete(id);
      await records.set(id, `until ${Math.ceil(untilMs)}`, Math.max(1, Math.ceil(untilMs - now())));
    },
    pause: () => delay(lookAgainMs),
  };
}
