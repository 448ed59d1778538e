import type { JWK } from 'jose';
import { GatewayError } from '../errors.ts';
import type { Log, Runtime } from '../runtime.ts';
import type { AssertionAlgorithm } from './config.ts';
import {
  isInUse,
  isPublished,
  makeKey,
  publicJwk,
  readRecords,
  retire,
  signerOf,
  signsFrom,
  viewKey,
  writeRecords,
} from './key-record.ts';
import type { KeyRecord, KeyView, Signer } from './key-record.ts';

/** Where the keys are kept, sealed; one text that all processes on the store share. Rejects with `store-unavailable`. */
export interface KeyStorage {
  /** Null while there are none. `mark` names what was read. */
  readonly read: () => Promise<{ readonly text: string; readonly mark: string } | null>;
  /** Writes only while what stands there is still what `mark` names (null: nothing). True when it was written. */
  readonly write: (mark: string | null, text: string) => Promise<boolean>;
  /** Tells every process on the store. */
  readonly announce: () => Promise<void>;
  readonly onChange: (listener: () => void) => void;
  /** False while changes by other processes may go unheard; news that is waiting is told first. */
  readonly isCurrent: () => boolean;
}

/** The keys that sign assertions: one for each algorithm in use, made when first needed, the same for all processes on a store. */
export interface AssertionKeys {
  /** Grows whenever keys may have changed: what was signed before is signed anew. */
  readonly generation: () => number;
  readonly signingKey: (algorithm: AssertionAlgorithm) => Promise<Signer>;
  /** The JWKS (RFC 7517 §5), public parts only: keys in use, made if need be for `inUse`, the next, and retired ones for a while. */
  readonly publicKeys: (inUse: Iterable<AssertionAlgorithm>) => Promise<readonly JWK[]>;
  readonly list: () => Promise<readonly KeyView[]>;
  /** Puts a new key in the place of every current one; the old private keys are forgotten. Returns the new ones. */
  readonly rotate: () => Promise<readonly KeyView[]>;
}

export interface AssertionKeysOptions {
  readonly storage: KeyStorage;
  readonly now: Runtime['now'];
  /** A key older than this (milliseconds) gets a successor; 0 or left out: never by itself. */
  readonly rotateAfterMs?: number;
  readonly log?: Pick<Log, 'warn' | 'info'>;
}

interface KeySet {
  readonly mark: string | null;
  readonly records: readonly KeyRecord[];
  /** Keys in use, the one that signs latest last. */
  readonly signers: ReadonlyMap<AssertionAlgorithm, readonly Signer[]>;
}

const writeAttempts = 10;
/** A successor is published this long before it signs: twice as long as apps may keep the JWKS. */
const publishedAheadMs = 600_000;

/** @example createAssertionKeys({ storage, now: runtime.now, rotateAfterMs: 90 * 86_400_000 }) */
export function createAssertionKeys({ storage, now, rotateAfterMs = 0, log }: AssertionKeysOptions): AssertionKeys {
  let generation = 0;
  let held: Promise<KeySet> | null = null;
  const making = new Map<AssertionAlgorithm, Promise<Signer>>();
  const renewing = new Set<AssertionAlgorithm>();

  const forget = (): void => {
    generation += 1;
    // Also a read that is under way: it may have begun before the change.
    held = null;
  };
  storage.onChange(forget);

  const current = (): Promise<KeySet> => {
    if (storage.isCurrent() && held !== null) return held;
    const reading = readKeys(storage);
    held = reading;
    reading.catch(() => {
      if (held === reading) held = null;
    });
    return reading;
  };

  /** Writes what `change` makes of the keys; when others wrote first, it is asked again. */
  const update = async (
    change: (records: readonly KeyRecord[]) => Promise<readonly KeyRecord[] | null>,
  ): Promise<void> => {
    for (let attempt = 0; attempt < writeAttempts; attempt += 1) {
      const { mark, records } = await readKeys(storage);
      const next = await change(records);
      if (next === null) return forget();
      if (!(await storage.write(mark, writeRecords(next)))) continue;
      forget();
      return storage.announce();
    }
    throw new GatewayError('store-unavailable', 'could not write the signing keys: others kept writing them');
  };

  /** The youngest that may sign; where none may yet, the first that will. */
  const pick = (signers: readonly Signer[] | undefined): Signer | undefined =>
    signers?.findLast(({ signsFromMs }) => signsFromMs <= now()) ?? signers?.[0];

  const make = async (algorithm: AssertionAlgorithm): Promise<Signer> => {
    await update(async (records) =>
      records.some((record) => record.algorithm === algorithm && isInUse(record))
        ? null
        : [...records, await makeKey(algorithm, now())],
    );
    const key = pick((await current()).signers.get(algorithm));
    if (key === undefined) throw new GatewayError('internal', `could not find the ${algorithm} key that was made`);
    return key;
  };

  /** What age asks for: a successor, published ahead, and the end of keys whose successor signs. Null: nothing. */
  const dueOf = (records: readonly KeyRecord[], algorithm: AssertionAlgorithm) => {
    const nowMs = now();
    const inUse = records.filter((record) => record.algorithm === algorithm && isInUse(record));
    const signing = inUse.filter((record) => signsFrom(record) <= nowMs);
    const youngest = Math.max(...signing.map(signsFrom));
    const old = signing.filter((record) => signsFrom(record) < youngest);
    const isAged = nowMs >= youngest + rotateAfterMs - publishedAheadMs;
    const needsNext = signing.length > 0 && signing.length === inUse.length && isAged;
    return old.length > 0 || needsNext ? { nowMs, old, needsNext } : null;
  };
  const renew = (algorithm: AssertionAlgorithm): Promise<void> =>
    update(async (records) => {
      const due = dueOf(records, algorithm);
      if (due === null) return null;
      const { nowMs, old, needsNext } = due;
      const kept = records
        .filter((record) => isPublished(record, nowMs))
        .map((record) => (old.includes(record) ? retire(record, nowMs) : record));
      return needsNext ? [...kept, await makeKey(algorithm, nowMs, nowMs + publishedAheadMs)] : kept;
    });
  const renewInBackground = (algorithm: AssertionAlgorithm, { records }: KeySet): void => {
    if (rotateAfterMs === 0 || renewing.has(algorithm) || dueOf(records, algorithm) === null) return;
    renewing.add(algorithm);
    renew(algorithm)
      .then(
        () => log?.info('assertion-key.renewed', { algorithm }),
        // The old key signs on; the next signature tries again.
        (error: unknown) => log?.warn('assertion-key.renew-failed', { algorithm, error }),
      )
      .finally(() => renewing.delete(algorithm));
  };

  const signingKey = async (algorithm: AssertionAlgorithm): Promise<Signer> => {
    const set = await current();
    const known = pick(set.signers.get(algorithm));
    if (known !== undefined) {
      renewInBackground(algorithm, set);
      return known;
    }
    const underWay = making.get(algorithm) ?? make(algorithm).finally(() => making.delete(algorithm));
    making.set(algorithm, underWay);
    return underWay;
  };

  const published = async (): Promise<readonly KeyRecord[]> =>
    (await current()).records.filter((record) => isPublished(record, now()));

  return {
    generation: () => generation,
    signingKey,
    publicKeys: async (inUse) => {
      for (const algorithm of new Set(inUse)) await signingKey(algorithm);
      return (await published()).map(publicJwk);
    },
    list: async () => (await published()).map((record) => viewKey(record, now())),
    rotate: async () => {
      const made: KeyRecord[] = [];
      await update(async (records) => {
        const atMs = now();
        made.length = 0;
        for (const algorithm of new Set(records.filter(isInUse).map((record) => record.algorithm)))
          made.push(await makeKey(algorithm, atMs));
        const retired = records.filter((record) => isPublished(record, atMs)).map((record) => retire(record, atMs));
        return made.length === 0 ? null : [...made, ...retired];
      });
      return made.map((record) => viewKey(record, now()));
    },
  };
}

async function readKeys(storage: KeyStorage): Promise<KeySet> {
  const found = await storage.read();
  if (found === null) return { mark: null, records: [], signers: new Map() };
  const records = readRecords(found.text);
  const signers = new Map<AssertionAlgorithm, Signer[]>();
  for (const record of records.filter(isInUse).toSorted((one, other) => signsFrom(one) - signsFrom(other)))
    signers.set(record.algorithm, [...(signers.get(record.algorithm) ?? []), await signerOf(record)]);
  return { mark: found.mark, records, signers };
}
