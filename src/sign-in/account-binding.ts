import { createHmac } from 'node:crypto';
import { localIssuer, type Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { Store } from '../store/store.ts';
import type { UserDirectory } from '../users/user-directory.ts';

const namespace = 'account';
/** As good as for ever: a name that fell free by itself would be somebody else's next. */
const keptMs = 100 * 365 * 86_400_000;

export interface AccountBindingsOptions {
  readonly store: Pick<Store, 'add' | 'namespace'>;
  readonly secret: Buffer;
  readonly directory: Pick<UserDirectory, 'find'>;
  readonly runtime: Pick<Runtime, 'now' | 'randomBytes'>;
}

/**
 * Who owns which user name. A person is an issuer and a subject there, never an e-mail address or a name: the first person who
 * signs in under a user name owns it, and nobody else gets in by it. Names of the users file belong to the local users, also
 * when somebody else had them before. All methods reject with `store-unavailable`.
 */
export interface AccountBindings {
  /** True when the name is this person's, from now on at the latest. */
  readonly claim: (identity: Pick<Identity, 'user' | 'issuer' | 'subject'>) => Promise<boolean>;
  /** Lets the next person who comes have the name. False when nobody owned it. */
  readonly release: (user: string) => Promise<boolean>;
}

/** @example await createAccountBindings({ store, secret, directory, runtime }).claim(identity) */
export function createAccountBindings({ store, secret, directory, runtime }: AccountBindingsOptions): AccountBindings {
  const records = store.namespace(namespace);
  const nameKey = deriveKey(secret, 'account-name');
  const sealer = createSealer(deriveKey(secret, 'account'), runtime.randomBytes);
  const keyOf = (user: string): string => createHmac('sha256', nameKey).update(user).digest('base64url');

  /** Null for a record that is not there or not ours. */
  const ownerOf = async (key: string): Promise<string | null> => {
    const sealed: unknown = await records.get(key);
    return typeof sealed === 'string' ? sealer.open(sealed, key) : null;
  };

  return {
    claim: async ({ user, issuer, subject }) => {
      const isListed = directory.find(user) !== null;
      if (isListed !== (issuer === localIssuer)) return false;
      const key = keyOf(user);
      const person = JSON.stringify([issuer, subject]);
      // The common case costs one read.
      const owner = await ownerOf(key);
      if (owner === person) return true;
      const sealed = sealer.seal(person, key);
      if (issuer === localIssuer) {
        await records.set(key, sealed, keptMs);
        return true;
      }
      if (owner !== null) return false;
      return (await store.add(namespace, key, sealed, keptMs)) || (await ownerOf(key)) === person;
    },
    release: async (user) => records.delete(keyOf(user)),
  };
}
