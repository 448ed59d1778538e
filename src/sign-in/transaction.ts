import { createHash, createHmac } from 'node:crypto';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { Store } from '../store/store.ts';
import type { RedirectPurpose, RedirectSecrets } from './method.ts';
import { networkOf } from './throttle.ts';

const namespace = 'transaction';
const openForMs = 10 * 60_000;
/** Tabs that sign in side by side; one more, and the oldest can't be finished. */
const maxPerBrowser = 20;
/** Starts of one client address within ten minutes: many people may share one. */
const maxPerAddress = 2_000;

/** A sign-in in progress at a provider. */
export interface Transaction extends RedirectSecrets {
  readonly method: string;
  readonly purpose: RedirectPurpose;
  /** Checked; null: the person's apps. */
  readonly returnTo: string | null;
  /** As a script of ours saw it; empty for none. */
  readonly fragment: string;
  readonly remember: boolean;
  readonly startedAtMs: number;
}

export interface TransactionsOptions {
  readonly store: Pick<Store, 'namespace' | 'index' | 'counters'>;
  readonly secret: Buffer;
  readonly runtime: Pick<Runtime, 'now' | 'randomBytes'>;
}

/**
 * Sign-ins in progress, kept in the store for ten minutes under the hash of their `state`. Each belongs to the browser that
 * started it, told by one small cookie (the form's) that all its tabs share; each is taken once. Rejects with
 * `store-unavailable`.
 */
export interface Transactions {
  /** Null when this address has started too many. `browser`: value of the form cookie. */
  readonly start: (
    browser: string,
    address: string,
    input: Omit<Transaction, keyof RedirectSecrets | 'startedAtMs'>,
  ) => Promise<Transaction | null>;
  /** Null for a state that is unknown, taken, too old, another browser's, or another method's. */
  readonly take: (state: string, browser: string | null, method: string) => Promise<Transaction | null>;
}

const statePattern = /^[A-Za-z0-9_-]{43}$/;

/** @example const { state } = await createTransactions({ store, secret, runtime }).start(cookie, address, { method, … }) */
export function createTransactions({ store, secret, runtime }: TransactionsOptions): Transactions {
  const { now, randomBytes } = runtime;
  const records = store.namespace(namespace);
  const sealer = createSealer(deriveKey(secret, 'transaction'), randomBytes);
  const browserKey = deriveKey(secret, 'transaction-browser');
  const random = (): string => randomBytes(32).toString('base64url');
  const keyOf = (state: string): string => createHash('sha256').update(`state\0${state}`).digest('base64url');
  const markOf = (browser: string): string => createHmac('sha256', browserKey).update(browser).digest('base64url');

  /** Members sort by age: the time in front, then the key. */
  const remember = async (mark: string, key: string): Promise<void> => {
    const set = `transactions:${mark}`;
    await store.index.add(set, `${String(now()).padStart(16, '0')}.${key}`, now() + openForMs);
    const members = (await store.index.members(set)).toSorted();
    for (const member of members.slice(0, Math.max(0, members.length - maxPerBrowser))) {
      await store.index.remove(set, member);
      await records.delete(member.slice(member.indexOf('.') + 1));
    }
  };

  return {
    start: async (browser, address, input) => {
      const { count } = await store.counters.add(`transactions:${networkOf(address)}`, 1, openForMs);
      if (count > maxPerAddress) return null;
      const secrets: RedirectSecrets = { state: random(), nonce: random(), verifier: random() };
      const transaction: Transaction = { ...input, ...secrets, startedAtMs: now() };
      const key = keyOf(secrets.state);
      const mark = markOf(browser);
      await records.set(key, sealer.seal(JSON.stringify({ mark, transaction }), key), openForMs);
      await remember(mark, key);
      return transaction;
    },
    take: async (state, browser, method) => {
      if (browser === null || !statePattern.test(state)) return null;
      const key = keyOf(state);
      const sealed: unknown = await records.get(key);
      const text = typeof sealed === 'string' ? sealer.open(sealed, key) : null;
      if (text === null) return null;
      // We sealed it: its form is ours.
      const found = JSON.parse(text) as { readonly mark: string; readonly transaction: Transaction };
      // Another browser's callback must not use up the state of the one that is on its way.
      if (found.mark !== markOf(browser) || found.transaction.method !== method) return null;
      // Of several that come with one state, exactly one deletes it.
      return (await records.delete(key)) === true ? found.transaction : null;
    },
  };
}
