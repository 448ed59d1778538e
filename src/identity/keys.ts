import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { maxAssertionLifetimeMs } from './config.ts';
import type { AssertionAlgorithm } from './config.ts';

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

export interface SigningKey {
  /** RFC 7638 thumbprint (SHA-256). */
  readonly kid: string;
  readonly privateKey: CryptoKey | Uint8Array;
}

/** A key as operators see it; nothing secret. */
export interface KeyView {
  readonly kid: string;
  readonly algorithm: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly state: 'current' | 'retired';
  /** Until when a retired key stays in the JWKS; null for a current one. */
  readonly publishedUntil: string | null;
}

/** The keys that sign assertions: one for each algorithm in use, made when first needed, the same for all processes on a store. */
export interface AssertionKeys {
  /** Grows whenever keys may have changed: what was signed before is signed anew. */
  readonly generation: () => number;
  readonly signingKey: (algorithm: AssertionAlgorithm) => Promise<SigningKey>;
  /** The JWKS (RFC 7517 §5), public parts only: current keys, made if need be for `inUse`, and retired ones for a while. */
  readonly publicKeys: (inUse: Iterable<AssertionAlgorithm>) => Promise<readonly JWK[]>;
  readonly list: () => Promise<readonly KeyView[]>;
  /** Puts a new key in the place of every current one; the old private keys are forgotten. Returns the new ones. */
  readonly rotate: () => Promise<readonly KeyView[]>;
}

interface KeyRecord {
  readonly kid: string;
  readonly algorithm: AssertionAlgorithm;
  readonly createdAtMs: number;
  readonly retiredAtMs: number | null;
  /** With its private part while it is current. */
  readonly jwk: JWK;
}

interface KeySet {
  readonly mark: string | null;
  readonly records: readonly KeyRecord[];
  readonly signing: ReadonlyMap<AssertionAlgorithm, SigningKey>;
}

/** Grows when the record changes in a way that an older reader would misunderstand. */
const recordVersion = 1;
/** A retired key is published for the longest life of an assertion and an hour for caches and clocks. */
const publishedForMs = maxAssertionLifetimeMs + 3_600_000;
const writeAttempts = 10;
/** Members of a JWK that anyone may know; all others stay here. */
const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;

/** @example createAssertionKeys({ storage, now: runtime.now }) */
export function createAssertionKeys({
  storage,
  now,
}: {
  readonly storage: KeyStorage;
  readonly now: Runtime['now'];
}): AssertionKeys {
  let generation = 0;
  let held: Promise<KeySet> | null = null;
  const making = new Map<AssertionAlgorithm, Promise<SigningKey>>();

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
      if (!(await storage.write(mark, JSON.stringify({ version: recordVersion, keys: next })))) continue;
      forget();
      return storage.announce();
    }
    throw new GatewayError('store-unavailable', 'could not write the signing keys: others kept writing them');
  };

  const make = async (algorithm: AssertionAlgorithm): Promise<SigningKey> => {
    await update(async (records) =>
      records.some((record) => record.algorithm === algorithm && isCurrent(record))
        ? null
        : [...records, await makeKey(algorithm, now())],
    );
    const key = (await current()).signing.get(algorithm);
    if (key === undefined) throw new GatewayError('internal', `could not find the ${algorithm} key that was made`);
    return key;
  };

  const signingKey = async (algorithm: AssertionAlgorithm): Promise<SigningKey> => {
    const known = (await current()).signing.get(algorithm);
    if (known !== undefined) return known;
    const underWay = making.get(algorithm) ?? make(algorithm).finally(() => making.delete(algorithm));
    making.set(algorithm, underWay);
    return underWay;
  };

  const isPublished = ({ retiredAtMs }: KeyRecord): boolean =>
    retiredAtMs === null || now() < retiredAtMs + publishedForMs;

  return {
    generation: () => generation,
    signingKey,
    publicKeys: async (inUse) => {
      for (const algorithm of new Set(inUse)) await signingKey(algorithm);
      const { records } = await current();
      return records.filter(isPublished).map(({ jwk, kid, algorithm }) => {
        return { ...publicPart(jwk), kid, alg: algorithm, use: 'sig' };
      });
    },
    list: async () => (await current()).records.filter(isPublished).map(viewKey),
    rotate: async () => {
      const made: KeyRecord[] = [];
      await update(async (records) => {
        const atMs = now();
        made.length = 0;
        for (const { algorithm } of records.filter(isCurrent)) made.push(await makeKey(algorithm, atMs));
        const retired = records
          .filter(isPublished)
          .map((key) => ({ ...key, retiredAtMs: key.retiredAtMs ?? atMs, jwk: publicPart(key.jwk) }));
        return made.length === 0 ? null : [...made, ...retired];
      });
      return made.map(viewKey);
    },
  };
}

async function readKeys(storage: KeyStorage): Promise<KeySet> {
  const found = await storage.read();
  if (found === null) return { mark: null, records: [], signing: new Map() };
  const record: unknown = JSON.parse(found.text);
  if (!isKeyFile(record)) throw new GatewayError('store-corrupt', 'could not read the signing keys: unknown form');
  const signing = new Map<AssertionAlgorithm, SigningKey>();
  for (const { kid, algorithm, jwk } of record.keys.filter(isCurrent))
    signing.set(algorithm, { kid, privateKey: await importJWK(jwk, algorithm) });
  return { mark: found.mark, records: record.keys, signing };
}

async function makeKey(algorithm: AssertionAlgorithm, createdAtMs: number): Promise<KeyRecord> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { kid: await calculateJwkThumbprint(publicPart(jwk)), algorithm, createdAtMs, retiredAtMs: null, jwk };
}

function publicPart(jwk: JWK): JWK {
  const members = publicMembers.flatMap((name) => {
    const value = jwk[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(members);
}

function isCurrent({ retiredAtMs }: KeyRecord): boolean {
  return retiredAtMs === null;
}

function viewKey({ kid, algorithm, createdAtMs, retiredAtMs }: KeyRecord): KeyView {
  return {
    kid,
    algorithm,
    createdAt: new Date(createdAtMs).toISOString(),
    state: retiredAtMs === null ? 'current' : 'retired',
    publishedUntil: retiredAtMs === null ? null : new Date(retiredAtMs + publishedForMs).toISOString(),
  };
}

/** The text was sealed by us: its version says what it is. */
function isKeyFile(value: unknown): value is { readonly keys: readonly KeyRecord[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === recordVersion &&
    'keys' in value &&
    Array.isArray(value.keys)
  );
}
