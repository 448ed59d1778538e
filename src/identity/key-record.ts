import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { GatewayError } from '../errors.ts';
import { maxAssertionLifetimeMs } from './config.ts';
import type { AssertionAlgorithm } from './config.ts';

/** A signing key as it stands in the store. */
export interface KeyRecord {
  readonly kid: string;
  readonly algorithm: AssertionAlgorithm;
  readonly createdAtMs: number;
  /** It is published before it signs; left out: it signs from the start. */
  readonly signsFromMs?: number;
  readonly retiredAtMs: number | null;
  /** With its private part while it is not retired. */
  readonly jwk: JWK;
}

/** A key that is not retired, ready for use. */
export interface Signer {
  readonly kid: string;
  readonly privateKey: CryptoKey | Uint8Array;
  readonly signsFromMs: number;
}

/** A key as operators see it; nothing secret. */
export interface KeyView {
  readonly kid: string;
  readonly algorithm: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** `next`: published already, and about to sign. */
  readonly state: 'current' | 'next' | 'retired';
  /** Until when a retired key stays in the JWKS; null for any other. */
  readonly publishedUntil: string | null;
}

/** Grows when the record changes in a way that an older reader would misunderstand. */
const recordVersion = 1;
/** A retired key is published for the longest life of an assertion and an hour for caches and clocks. */
const publishedForMs = maxAssertionLifetimeMs + 3_600_000;
/** Members of a JWK that anyone may know; all others stay here. */
const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;

/** Makes a key. `signsFromMs` later than now: it is published first. */
export async function makeKey(
  algorithm: AssertionAlgorithm,
  createdAtMs: number,
  signsFromMs = createdAtMs,
): Promise<KeyRecord> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(publicPart(jwk));
  const later = signsFromMs === createdAtMs ? {} : { signsFromMs };
  return { kid, algorithm, createdAtMs, ...later, retiredAtMs: null, jwk };
}

/** Its private part is forgotten; what was signed with it can be checked for a while. */
export function retire(record: KeyRecord, atMs: number): KeyRecord {
  return { ...record, retiredAtMs: record.retiredAtMs ?? atMs, jwk: publicPart(record.jwk) };
}

export function signsFrom({ signsFromMs, createdAtMs }: KeyRecord): number {
  return signsFromMs ?? createdAtMs;
}

export function isInUse({ retiredAtMs }: KeyRecord): boolean {
  return retiredAtMs === null;
}

export function isPublished({ retiredAtMs }: KeyRecord, nowMs: number): boolean {
  return retiredAtMs === null || nowMs < retiredAtMs + publishedForMs;
}

/** What of a key anyone may know (RFC 7517). */
export function publicJwk({ jwk, kid, algorithm }: KeyRecord): JWK {
  return { ...publicPart(jwk), kid, alg: algorithm, use: 'sig' };
}

export async function signerOf(record: KeyRecord): Promise<Signer> {
  const { kid, algorithm, jwk } = record;
  return { kid, privateKey: await importJWK(jwk, algorithm), signsFromMs: signsFrom(record) };
}

export function viewKey(record: KeyRecord, nowMs: number): KeyView {
  const { kid, algorithm, createdAtMs, retiredAtMs } = record;
  return {
    kid,
    algorithm,
    createdAt: new Date(createdAtMs).toISOString(),
    state: retiredAtMs !== null ? 'retired' : signsFrom(record) > nowMs ? 'next' : 'current',
    publishedUntil: retiredAtMs === null ? null : new Date(retiredAtMs + publishedForMs).toISOString(),
  };
}

export function writeRecords(keys: readonly KeyRecord[]): string {
  return JSON.stringify({ version: recordVersion, keys });
}

/** Throws `store-corrupt`. */
export function readRecords(text: string): readonly KeyRecord[] {
  const record: unknown = JSON.parse(text);
  if (!isKeyFile(record)) throw new GatewayError('store-corrupt', 'could not read the signing keys: unknown form');
  return record.keys;
}

function publicPart(jwk: JWK): JWK {
  const members = publicMembers.flatMap((name) => {
    const value = jwk[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(members);
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
