import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, JWSHeaderParameters } from 'jose';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { isSafeUrl } from './config.ts';
import type { BearerIssuerConfig } from './config.ts';
import { fetchJson } from './fetch-json.ts';
import { usableKeys } from './jwks.ts';

/** Keys of one issuer, for checking its tokens. */
export interface IssuerKeys {
  /** Grows whenever the keys are others: what was verified before must be verified again. */
  readonly generation: () => number;
  /**
   * The key that a token's header names; null when there is none, or several would do. An unknown one makes us ask the issuer
   * again, but not more than twice a minute, whatever is sent. Rejects with `issuer-unavailable` while no keys are known.
   */
  readonly find: (header: JWSHeaderParameters) => Promise<CryptoKey | null>;
  /** Fetches the keys if need be, without telling anybody. */
  readonly warm: () => void;
}

export type IssuerKeysConfig = Pick<
  BearerIssuerConfig,
  'issuer' | 'algorithms' | 'discovery' | 'jwksUrl' | 'insecureHttp'
>;

const fetchTimeoutMs = 5_000;
const maxDocumentBytes = 512 * 1024;
/** Keys are asked for again after this long (as `Cache-Control` says, between these), while the old ones serve on. */
const refreshMs = { least: 300_000, usual: 600_000, most: 3_600_000 } as const;
/** An issuer that can't be reached loses its say after this long: a key that it has withdrawn must end some day. */
const believedForMs = 86_400_000;
/** Between two tries, whoever asks for them. */
const cooldownMs = 30_000;
/** The same while there are no keys at all. */
const cooldownWithoutKeysMs = 5_000;

interface Held {
  readonly resolve: ReturnType<typeof createLocalJWKSet>;
  readonly mark: string;
  readonly fetchedAtMs: number;
  readonly refreshAtMs: number;
}

/** Keys from a file: `jwks` is its content. */
export function createFixedKeys(config: Pick<IssuerKeysConfig, 'algorithms'>, jwks: unknown): IssuerKeys {
  const resolve = createLocalJWKSet({ keys: [...(usableKeys(jwks, config.algorithms) ?? [])] });
  return {
    generation: () => 0,
    find: (header) => pick(resolve, header).then((found) => found.key),
    warm: () => undefined,
  };
}

/** Keys by discovery or from their address. Nothing is asked before it is needed. */
export function createFetchedKeys(config: IssuerKeysConfig, { now, fetch, log }: Runtime): IssuerKeys {
  const { issuer, algorithms } = config;
  let held: Held | null = null;
  let generation = 0;
  let lastTryMs = -Infinity;
  let underWay: Promise<Held> | null = null;

  const get = (url: string) => fetchJson(url, { fetch, timeoutMs: fetchTimeoutMs, maxBytes: maxDocumentBytes });
  const load = async (): Promise<Held> => {
    const url = config.jwksUrl ?? (await discover(config, get));
    const { value, maxAgeMs } = await get(url);
    const keys = usableKeys(value, algorithms);
    if (keys === null) throw new Error(`${url} did not answer a key set`);
    if (keys.length === 0) throw new Error(`${url} has no key for ${algorithms.join(', ')}`);
    const atMs = now();
    const afterMs = Math.min(Math.max(maxAgeMs ?? refreshMs.usual, refreshMs.least), refreshMs.most);
    return {
      resolve: createLocalJWKSet({ keys: [...keys] }),
      mark: JSON.stringify(keys),
      fetchedAtMs: atMs,
      refreshAtMs: atMs + afterMs,
    };
  };
  /** One at a time. Keeps the old key objects, and what was verified with them, when nothing has changed. */
  const refresh = (): Promise<Held> => {
    if (underWay !== null) return underWay;
    lastTryMs = now();
    underWay = load()
      .then((loaded) => {
        const isSame = held?.mark === loaded.mark;
        held = isSame && held !== null ? { ...loaded, resolve: held.resolve } : loaded;
        if (!isSame) generation += 1;
        log.info('bearer.keys-loaded', { issuer, changed: !isSame });
        return held;
      })
      .catch((error: unknown) => {
        log.warn('bearer.keys-failed', { issuer, error });
        throw new GatewayError('issuer-unavailable', `could not get the keys of ${issuer}`, { cause: error });
      })
      .finally(() => {
        underWay = null;
      });
    return underWay;
  };
  const isCool = (afterMs: number): boolean => Math.abs(now() - lastTryMs) >= afterMs;

  const current = (): Held | Promise<Held> => {
    if (held !== null && now() - held.fetchedAtMs >= believedForMs) {
      held = null;
      generation += 1;
    }
    if (held !== null) {
      if (now() >= held.refreshAtMs && isCool(cooldownMs)) refresh().catch(() => undefined);
      return held;
    }
    if (underWay === null && !isCool(cooldownWithoutKeysMs))
      throw new GatewayError('issuer-unavailable', `could not get the keys of ${issuer} a moment ago`);
    return refresh();
  };

  return {
    generation: () => generation,
    find: async (header) => {
      const known = await pick((await current()).resolve, header);
      if (!known.isMissing) return known.key;
      if (underWay === null && !isCool(cooldownMs)) return null;
      // The issuer may have new keys. While it can't be asked, the token is merely unknown.
      const fresh = await refresh().catch(() => null);
      return fresh === null ? null : (await pick(fresh.resolve, header)).key;
    },
    warm: () => {
      if (held === null && isCool(cooldownWithoutKeysMs)) refresh().catch(() => undefined);
    },
  };
}

/** Metadata must be the issuer's own, to the letter (OpenID Connect Discovery §4.3). */
async function discover(
  { issuer, discovery, insecureHttp }: IssuerKeysConfig,
  get: (url: string) => Promise<{ readonly value: unknown }>,
): Promise<string> {
  const url =
    typeof discovery === 'string' ? discovery : `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { value } = await get(url);
  const metadata = typeof value === 'object' && value !== null ? value : {};
  if (!('issuer' in metadata) || metadata.issuer !== issuer) throw new Error(`${url} speaks of another issuer`);
  const address = 'jwks_uri' in metadata ? metadata.jwks_uri : undefined;
  if (typeof address !== 'string' || !URL.canParse(address)) throw new Error(`${url} names no jwks_uri`);
  if (!insecureHttp && !isSafeUrl(address)) throw new Error(`${url} names a jwks_uri that is http`);
  return address;
}

async function pick(
  resolve: Held['resolve'],
  header: JWSHeaderParameters,
): Promise<{ readonly key: CryptoKey | null; readonly isMissing: boolean }> {
  try {
    return { key: await resolve(header), isMissing: false };
  } catch (error) {
    // Several that would do are as good as none: the issuer must say which by `kid`.
    return { key: null, isMissing: error instanceof errors.JWKSNoMatchingKey };
  }
}
