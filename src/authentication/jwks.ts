import type { JWK } from 'jose';
import type { BearerAlgorithm } from './config.ts';

const maxKeys = 200;
/** Bits of an RSA modulus: below, anybody may sign some day; above, checking keeps us busy. */
const rsaBits = { least: 2_048, most: 8_192 } as const;

const curves: Readonly<Record<string, readonly BearerAlgorithm[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

/**
 * The keys of a JWK set (RFC 7517) that can check a signature of one of these algorithms, public parts only. Whatever else
 * stands there (secrets, keys for encryption, weak or unknown ones) is as if it were not. Null when it is no key set.
 */
export function usableKeys(value: unknown, algorithms: readonly BearerAlgorithm[]): readonly JWK[] | null {
  if (!isObject(value) || !Array.isArray(value['keys'])) return null;
  const keys: readonly unknown[] = value['keys'];
  return keys.slice(0, maxKeys).flatMap((key) => {
    if (!isObject(key)) return [];
    const { kty, crv, use, alg, kid, key_ops: operations } = key;
    if (use !== undefined && use !== 'sig') return [];
    if (Array.isArray(operations) && !operations.includes('verify')) return [];
    if (kid !== undefined && typeof kid !== 'string') return [];
    const fitting = fittingAlgorithms(kty, crv, key['n']).filter((name) => algorithms.includes(name));
    if (fitting.length === 0 || (alg !== undefined && !fitting.some((name) => name === alg))) return [];
    const members = kty === 'RSA' ? ['n', 'e'] : kty === 'EC' ? ['crv', 'x', 'y'] : ['crv', 'x'];
    const publicPart: Record<string, string> = {};
    for (const name of members) {
      const member = key[name];
      if (typeof member !== 'string') return [];
      publicPart[name] = member;
    }
    return [
      {
        kty: String(kty),
        ...publicPart,
        ...(kid === undefined ? {} : { kid }),
        ...(typeof alg === 'string' ? { alg } : {}),
      },
    ];
  });
}

function fittingAlgorithms(kty: unknown, crv: unknown, modulus: unknown): readonly BearerAlgorithm[] {
  if (kty === 'RSA') {
    const bits = typeof modulus === 'string' ? Buffer.from(modulus, 'base64url').length * 8 : 0;
    if (bits < rsaBits.least || bits > rsaBits.most) return [];
    return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
  }
  const isCurve = kty === 'OKP' ? crv === 'Ed25519' : kty === 'EC' && crv !== 'Ed25519';
  return isCurve && typeof crv === 'string' && Object.hasOwn(curves, crv) ? (curves[crv] ?? []) : [];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
