import { createHmac } from 'node:crypto';
import { deriveKey } from './sealing.ts';
import type { CounterStore, SetIndex, Store } from './store.ts';

/**
 * Lets counters and sets go by names that tell nothing: user names and addresses stand in the store only as an HMAC under
 * the store's secret. Every process with the same secret finds the same names.
 */
export function blurNames(store: Store, secret: Buffer): Store {
  const key = deriveKey(secret, 'store-names');
  const blur = (name: string): string => createHmac('sha256', key).update(name).digest('base64url');
  const counters: CounterStore = {
    add: (name, by, windowMs) => store.counters.add(blur(name), by, windowMs),
    get: (name) => store.counters.get(blur(name)),
    clear: (name) => store.counters.clear(blur(name)),
  };
  const index: SetIndex = {
    add: (set, member, expiresAtMs) => store.index.add(blur(set), member, expiresAtMs),
    remove: (set, member) => store.index.remove(blur(set), member),
    members: (set) => store.index.members(blur(set)),
  };
  return { ...store, counters, index };
}
