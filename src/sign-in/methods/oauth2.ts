import type { Runtime } from '../../runtime.ts';
import { authorization, askJson, isObject, OAuthFailure, tokenNotAccepted } from '../oauth/answer.ts';
import { createCodeFlow } from '../oauth/code-flow.ts';
import type { OAuth2ProviderConfig } from '../oauth/config.ts';
import { createAvailability, createOAuthMethod, type OAuthMethod } from '../oauth/oauth-method.ts';
import { claimAt, mapClaims, type Claims, type Mapped } from '../oidc/claims.ts';
import { createProviderFetch } from '../provider-fetch.ts';

export interface OAuth2MethodOptions {
  readonly config: OAuth2ProviderConfig;
  /** Address at which the provider sends browsers back: `https://auth.example.com/_auth/callback/corp`. */
  readonly redirectUri: string;
  /** Some route hands the access token on to its app. */
  readonly keepsAccessToken: boolean;
  readonly runtime: Runtime;
}

/** A method that keeps connections open until it is closed. */
export interface OpenOAuthMethod extends OAuthMethod {
  readonly close: () => void;
}

const timeoutMs = 6_000;

/**
 * OAuth 2 with PKCE at a provider without OpenID Connect: who somebody is stands in the JSON of one address. Whoever may ask for
 * a token there may sign in, as far as `requiredClaims` go.
 *
 * @example createOAuth2Method({ config, redirectUri: `${publicUrl}/_auth/callback/forge`, keepsAccessToken: false, runtime })
 */
export function createOAuth2Method({
  config,
  redirectUri,
  keepsAccessToken,
  runtime,
}: OAuth2MethodOptions): OpenOAuthMethod {
  const { id, name = id, ca, insecureHttp, clientSecret } = config;
  const { now } = runtime;
  const availability = createAvailability(now);
  const web = createProviderFetch({ ca, timeoutMs, insecureHttp, onReached: availability.onReached });
  const { authorizationParameters, clientAuthentication = clientSecret === undefined ? 'none' : 'basic' } = config;
  const { authorizationUrl, tokenUrl, clientId, scopes, pkce } = config;
  const client = { clientId, clientSecret, clientAuthentication, scopes, pkce, redirectUri };
  const issuer = config.issuer ?? new URL(config.userInfoUrl).origin;

  const ask = async (accessToken: string): Promise<Mapped> => {
    const { status, value } = await askJson(web.fetch, config.userInfoUrl, {
      method: 'GET',
      headers: authorization(accessToken),
    });
    if (status === 401) throw new OAuthFailure('refused', tokenNotAccepted);
    if (status !== 200) throw new OAuthFailure('refused', `provider-answered-${String(status)}`);
    if (!isObject(value)) throw new OAuthFailure('refused', 'malformed-answer');
    const sub = subjectOf(value, config.subjectClaim);
    return sub === null
      ? { kind: 'refused', reason: 'malformed-subject' }
      : mapClaims({ ...value, iss: issuer, sub }, config);
  };

  return {
    ...createOAuthMethod({
      id,
      label: name,
      flow: createCodeFlow({ authorizationUrl, tokenUrl, ...client, fetch: web.fetch, now }),
      parametersOf: () => authorizationParameters,
      ask,
      checkEveryMs: config.checkEvery,
      keepsAccessToken,
      isAvailable: availability.isAvailable,
      runtime,
    }),
    close: web.close,
  };
}

/** Many providers count their people: 42 and "42" are one. */
function subjectOf(claims: Claims, path: string): string | null {
  const value = claimAt(claims, path);
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : null;
}
