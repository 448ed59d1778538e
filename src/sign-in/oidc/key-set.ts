import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { GatewayError } from '../../errors.ts';
import type { Runtime } from '../../runtime.ts';
import type { ProviderFetch } from '../provider-fetch.ts';

/** Keys are fetched anew after this, asked for or not: a key that the provider withdrew must not be good for ever. */
const maxAgeMs = 3_600_000;
/** Tokens with a key that nobody knows make us look again once in this time. */
const lookAgainMs = 30_000;

export interface KeySetOptions {
  /** `jwks_uri` of the provider's metadata. */
  readonly address: string;
  readonly fetch: ProviderFetch['fetch'];
  readonly now: Runtime['now'];
}

/** The public keys of one provider, for jose. Rejects with `provider-unreachable` or jose's own errors. */
export interface KeySet {
  readonly getKey: JWTVerifyGetKey;
}

/**
 * Fetches a provider's keys when they are needed and follows its rotation: an unknown key id makes us look again at once, but
 * only once in half a minute, so that forged tokens can't be used to flood the provider.
 */
export function createKeySet({ address, fetch, now }: KeySetOptions): KeySet {
  let keys: { readonly find: JWTVerifyGetKey; readonly loadedAtMs: number } | null = null;
  let loading: Promise<JWTVerifyGetKey> | null = null;
  let lookedAgainAtMs = -Infinity;

  const load = async (): Promise<JWTVerifyGetKey> => {
    const response = await fetch(address, { method: 'GET', headers: { accept: 'application/json' } });
    if (response.status !== 200)
      throw new GatewayError('provider-unreachable', `got ${response.status} from ${address}`);
    const find = createLocalJWKSet(readKeySet(await response.text(), address));
    keys = { find, loadedAtMs: now() };
    return find;
  };
  const loadOnce = (): Promise<JWTVerifyGetKey> => {
    loading ??= load().finally(() => (loading = null));
    return loading;
  };

  return {
    getKey: async (header, token) => {
      const isOld = keys === null || now() - keys.loadedAtMs >= maxAgeMs;
      const find = keys === null || isOld ? await loadOnce() : keys.find;
      try {
        return await find(header, token);
      } catch (error) {
        if (isOld || !isUnknownKey(error) || now() - lookedAgainAtMs < lookAgainMs) throw error;
        lookedAgainAtMs = now();
        return (await loadOnce())(header, token);
      }
    },
  };
}

/** Only what can verify a signature: no secret keys, none for encryption, no short RSA ones. */
function readKeySet(text: string, address: string): JSONWebKeySet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GatewayError('provider-invalid', `found no JSON at ${address}`, { cause });
  }
  const keys: unknown = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(keys) || keys.length > 100)
    throw new GatewayError('provider-invalid', `found no set of keys at ${address}`);
  return { keys: keys.filter(isObject).filter(isVerifyingKey) };
}

function isVerifyingKey(key: Record<string, unknown>): boolean {
  const { kty, use, n } = key;
  if (use !== undefined && use !== 'sig') return false;
  // 2,048 bits are 256 bytes.
  if (kty === 'RSA') return typeof n === 'string' && Buffer.from(n, 'base64url').length >= 256;
  return kty === 'EC' || kty === 'OKP';
}

function isUnknownKey(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
