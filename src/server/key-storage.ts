import { createHmac } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { KeyStorage } from '../identity/keys.ts';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { Store } from '../store/store.ts';

const namespace = 'keys';
/** A record must have an end; a century is none. Milliseconds. */
const foreverMs = 100 * 365 * 86_400_000;

/**
 * Keeps the signing keys in the store, sealed under a key of their own. The name follows the store's secret, so that gateways
 * with different secrets on one store never meet.
 */
export function createKeyStorage(
  store: Pick<Store, 'namespace' | 'replace' | 'add' | 'events'>,
  secret: Buffer,
  randomBytes: Runtime['randomBytes'],
): KeyStorage {
  const key = deriveKey(secret, 'assertion-keys');
  const sealer = createSealer(key, randomBytes);
  const name = createHmac('sha256', key).update('name').digest('base64url').slice(0, 22);
  const keyv = store.namespace(namespace);
  const place = `${namespace}/${name}`;
  return {
    read: async () => {
      const sealed: unknown = await keyv.get(name);
      if (sealed === undefined || sealed === null) return null;
      const text = typeof sealed === 'string' ? sealer.open(sealed, place) : null;
      if (typeof sealed !== 'string' || text === null)
        throw new GatewayError(
          'store-corrupt',
          'could not open the signing keys in the store: they were changed there',
        );
      return { text, mark: sealed };
    },
    write: (mark, text) => {
      const sealed = sealer.seal(text, place);
      return mark === null
        ? store.add(namespace, name, sealed, foreverMs)
        : store.replace(namespace, name, mark, sealed, foreverMs);
    },
    announce: () => store.events.publish({ kind: 'keys-changed', id: name }),
    isCurrent: () => store.events.isCurrent(),
    onChange: (listener) => {
      store.events.subscribe((news) => {
        if (news.kind === 'missed' || (news.kind === 'keys-changed' && news.id === name)) listener();
      });
    },
  };
}
