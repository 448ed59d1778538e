import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client';
import type { SessionRenewer } from '../../authentication/session-renewal.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { RedirectMethod, RedirectPurpose } from '../method.ts';
import type { OidcProviderConfig } from '../oidc/config.ts';
import { readFailure } from '../oidc/failure.ts';
import { createOidcLogout } from '../oidc/logout.ts';
import { createProvider } from '../oidc/provider.ts';
import { createOidcSignIn } from '../oidc/sign-in.ts';

export interface OidcMethodOptions {
  readonly config: OidcProviderConfig;
  /** Address at which the provider sends browsers back: `https://auth.example.com/_auth/callback/corp`. */
  readonly redirectUri: string;
  /** Some route hands the access token on to its app. */
  readonly keepsAccessToken: boolean;
  readonly store: Pick<Store, 'add'>;
  readonly runtime: Runtime;
}

/** An OpenID provider as a way to sign in, and what keeps its sessions in step. */
export interface OidcMethod {
  readonly method: RedirectMethod;
  readonly renew: SessionRenewer;
  /** Ends what runs in the background. */
  readonly close: () => void;
}

/**
 * OpenID Connect: authorization code with PKCE (RFC 7636), state, nonce and issuer (RFC 9207), a redirect address of its own.
 *
 * @example createOidcMethod({ config, redirectUri: `${publicUrl}/_auth/callback/corp`, keepsAccessToken: false, store, runtime })
 */
export function createOidcMethod({
  config,
  redirectUri,
  keepsAccessToken,
  store,
  runtime,
}: OidcMethodOptions): OidcMethod {
  const { id, scopes, acrValues, maxAge, authorizationParameters } = config;
  const provider = createProvider(config, runtime);
  const { finish, renew } = createOidcSignIn({ config, provider, redirectUri, keepsAccessToken, runtime });

  const promptOf = (purpose: RedirectPurpose): string | undefined =>
    // Whoever is signed in and asks for the sign-in page wants to be somebody else: going straight through helps nobody.
    purpose === 'sign-in' ? config.prompt : 'login';
  const maxAgeOf = (purpose: RedirectPurpose): number | undefined => (purpose === 'again' ? 0 : maxAge);

  return {
    method: {
      kind: 'redirect',
      id,
      label: config.name ?? id,
      isAvailable: provider.isAvailable,
      start: async ({ state, nonce, verifier, purpose }) => {
        try {
          const { configuration } = await provider.client();
          const prompt = promptOf(purpose);
          const maxAgeMs = maxAgeOf(purpose);
          const url = buildAuthorizationUrl(configuration, {
            ...authorizationParameters,
            redirect_uri: redirectUri,
            response_type: 'code',
            scope: scopes.join(' '),
            state,
            nonce,
            code_challenge: await calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
            ...(prompt === undefined ? {} : { prompt }),
            ...(maxAgeMs === undefined ? {} : { max_age: String(Math.floor(maxAgeMs / 1_000)) }),
            ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
          });
          return { kind: 'redirect', url: url.href };
        } catch (error) {
          return { kind: 'unavailable', reason: readFailure(error).reason };
        }
      },
      finish,
      logout: createOidcLogout({ config, provider, store, runtime }),
    },
    renew,
    close: provider.close,
  };
}
