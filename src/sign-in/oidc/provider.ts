import {
  Configuration,
  allowInsecureRequests,
  customFetch,
  discovery,
  type CustomFetch,
  type ServerMetadata,
} from 'openid-client';
import { GatewayError } from '../../errors.ts';
import type { Runtime } from '../../runtime.ts';
import { createProviderFetch } from '../provider-fetch.ts';
import { createClientAuthentication } from './client-authentication.ts';
import type { OidcProviderConfig } from './config.ts';
import { createKeySet, type KeySet } from './key-set.ts';
import { signingAlgorithms } from './tokens.ts';

/** What is known of a provider after it was asked. */
export interface ProviderClient {
  readonly configuration: Configuration;
  readonly keys: KeySet;
  /** Algorithms of its ID tokens that we accept; never empty. */
  readonly algorithms: readonly string[];
  readonly issuer: string;
  readonly endSessionEndpoint: string | null;
  readonly hasUserinfo: boolean;
}

/** One OpenID provider: found by discovery, in the background and when it is needed. */
export interface Provider {
  /** Rejects with `provider-unreachable` or `provider-invalid`; what is known already is given at once. */
  readonly client: () => Promise<ProviderClient>;
  /** What is known at this moment, without asking. */
  readonly known: () => ProviderClient | null;
  /** False once it did not answer, until it does. */
  readonly isAvailable: () => boolean;
  readonly close: () => void;
}

const timeoutMs = 8_000;
const retryAtLeastMs = 2_000;
const retryAtMostMs = 60_000;
/** Metadata changes rarely; what changed is known within an hour. */
const refreshMs = 3_600_000;

/**
 * Asks the provider at once, again with growing pauses until it answers, and hourly from then on. Nobody waits for it at start.
 *
 * @example const provider = createProvider(config.signIn.oidc[0], runtime); (await provider.client()).issuer
 */
export function createProvider(config: OidcProviderConfig, runtime: Runtime): Provider {
  const { log, now } = runtime;
  const { id } = config;
  let isReached = true;
  let isClosed = false;
  const web = createProviderFetch({
    ca: config.ca,
    timeoutMs,
    insecureHttp: config.insecureHttp,
    onReached: (reached) => {
      if (reached !== isReached) log.warn(reached ? 'provider.reached' : 'provider.unreachable', { provider: id });
      isReached = reached;
      // Somebody must notice when it is back.
      if (!reached) plan(pauseMs());
    },
  });
  const authenticate = createClientAuthentication(config);
  let client: ProviderClient | null = null;
  let asking: Promise<ProviderClient> | null = null;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let dueAtMs = Infinity;

  const pauseMs = (): number => Math.min(retryAtMostMs, retryAtLeastMs * 2 ** Math.min(failures, 10));
  const plan = (inMs: number): void => {
    if (isClosed || now() + inMs >= dueAtMs) return;
    clearTimeout(timer);
    dueAtMs = now() + inMs;
    timer = setTimeout(() => {
      dueAtMs = Infinity;
      // The log was told.
      ask().catch(() => undefined);
    }, inMs).unref();
  };

  const discover = async (): Promise<ProviderClient> => {
    const found = await discovery(new URL(config.issuer), config.clientId, undefined, undefined, {
      [customFetch]: forLibrary(web.fetch),
      timeout: timeoutMs / 1_000,
      execute: config.insecureHttp ? [allowInsecureRequests] : [],
    });
    return describe(found, config, { web, authenticate, now });
  };
  const ask = (): Promise<ProviderClient> => {
    asking ??= discover()
      .then(
        (found) => {
          failures = 0;
          client = found;
          plan(refreshMs);
          return found;
        },
        (cause: unknown) => {
          failures += 1;
          const error = asGatewayError(cause, id);
          log.warn('provider.discovery-failed', { provider: id, failures, error });
          plan(pauseMs());
          throw error;
        },
      )
      .finally(() => (asking = null));
    return asking;
  };
  ask().catch(() => undefined);

  return {
    client: async () => client ?? ask(),
    known: () => client,
    isAvailable: () => isReached && (client !== null || failures === 0),
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      web.close();
    },
  };
}

interface Tools {
  readonly web: ReturnType<typeof createProviderFetch>;
  readonly authenticate: ReturnType<typeof createClientAuthentication>;
  readonly now: Runtime['now'];
}

/** Checks the metadata and makes a client of it. Throws `provider-invalid`. */
async function describe(
  found: Configuration,
  { id, issuer, clientId, insecureHttp, userinfo }: OidcProviderConfig,
  { web, authenticate, now }: Tools,
): Promise<ProviderClient> {
  const metadata: ServerMetadata = { ...found.serverMetadata(), supportsPKCE: undefined };
  const invalid = (why: string) => new GatewayError('provider-invalid', `could not use provider "${id}": ${why}`);
  // OpenID Connect Discovery §4.3: identical, by letter; the library forgives a slash.
  if (metadata.issuer !== issuer) throw invalid(`it calls itself ${metadata.issuer}; write that as its issuer`);
  const address = (name: string, required: boolean): string | null => {
    const text = metadata[name];
    if (text === undefined && !required) return null;
    const url = typeof text === 'string' ? URL.parse(text) : null;
    if (url === null || (url.protocol !== 'https:' && !(insecureHttp && url.protocol === 'http:')))
      throw invalid(`its ${name} is missing or not https`);
    return url.href;
  };
  for (const name of ['authorization_endpoint', 'token_endpoint']) address(name, true);
  const said = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
  const algorithms = said.filter((name) => signingAlgorithms.some((allowed) => allowed === name));
  if (algorithms.length === 0) throw invalid('it signs with no algorithm that is safe');
  const configuration = new Configuration(
    { ...metadata, id_token_signing_alg_values_supported: algorithms },
    clientId,
    undefined,
    await authenticate(metadata.token_endpoint_auth_methods_supported),
  );
  configuration[customFetch] = forLibrary(web.fetch);
  configuration.timeout = timeoutMs / 1_000;
  if (insecureHttp) allowInsecureRequests(configuration);
  return {
    configuration,
    keys: createKeySet({ address: address('jwks_uri', true) ?? '', fetch: web.fetch, now }),
    algorithms,
    issuer: metadata.issuer,
    endSessionEndpoint: address('end_session_endpoint', false),
    hasUserinfo: userinfo && address('userinfo_endpoint', false) !== null,
  };
}

/** The library's requests carry a form or nothing. */
function forLibrary(fetch: Tools['web']['fetch']): CustomFetch {
  return (url, { method, headers, body }) => {
    const text = body instanceof URLSearchParams ? body.toString() : body;
    return fetch(url, { method, headers, ...(typeof text === 'string' ? { body: text } : {}) });
  };
}

function asGatewayError(cause: unknown, id: string): GatewayError {
  for (let error = cause; error instanceof Error; error = error.cause) if (error instanceof GatewayError) return error;
  return new GatewayError('provider-invalid', `could not use what provider "${id}" says of itself`, { cause });
}
