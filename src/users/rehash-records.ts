import { GatewayError } from '../errors.ts';

/** Longer than any session lives. */
const keepForMs = 400 * 86_400_000;

/** Hashes are renewed at most so often in the life of one session. */
const maxSteps = 8;

/** What is needed of a namespace of the store; its Keyv fits. */
export interface RehashNamespace {
  readonly get: (key: string) => Promise<unknown>;
  readonly set: (key: string, value: string, ttlMs: number) => Promise<unknown>;
}

/**
 * Which credential is a mere rehash of which, known to all processes on the store: the users file alone can't tell a renewed
 * hash from a changed password. Both methods reject with `store-unavailable`.
 */
export interface RehashRecords {
  readonly remember: (oldCredential: string, newCredential: string) => Promise<void>;
  /** True when `current` came from `earlier` by rehashes alone. */
  readonly leadsTo: (earlier: string, current: string) => Promise<boolean>;
}

/** @example createRehashRecords(store.namespace('rehash')) */
export function createRehashRecords(namespace: RehashNamespace): RehashRecords {
  return {
    remember: async (oldCredential, newCredential) => {
      const kept = await namespace.set(newCredential, oldCredential, keepForMs);
      if (kept === false) throw new GatewayError('store-unavailable', 'could not keep the record of a rehash');
    },
    leadsTo: async (earlier, current) => {
      let credential: unknown = current;
      for (let step = 0; step < maxSteps && typeof credential === 'string'; step += 1) {
        credential = await namespace.get(credential);
        if (credential === earlier) return true;
      }
      return false;
    },
  };
}
