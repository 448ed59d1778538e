import type { Runtime } from '../../runtime.ts';
import { apiUrlOf, githubMethod, type GithubConfig } from '../github/config.ts';
import { createGithubPeople } from '../github/person.ts';
import { createCodeFlow } from '../oauth/code-flow.ts';
import { createAvailability, createOAuthMethod } from '../oauth/oauth-method.ts';
import { createProviderFetch } from '../provider-fetch.ts';
import type { OpenOAuthMethod } from './oauth2.ts';

export interface GithubMethodOptions {
  readonly config: GithubConfig;
  /** Address at which GitHub sends browsers back: `https://auth.example.com/_auth/callback/github`. */
  readonly redirectUri: string;
  /** Some route hands the access token on to its app. */
  readonly keepsAccessToken: boolean;
  readonly runtime: Runtime;
}

/** To read who somebody is, their addresses, and what they belong to; nothing that changes anything. */
const scopes = ['read:user', 'user:email', 'read:org'];
const timeoutMs = 6_000;

/**
 * Sign-in with GitHub, by an OAuth app or a GitHub App, with PKCE.
 *
 * @example createGithubMethod({ config, redirectUri: `${publicUrl}/_auth/callback/github`, keepsAccessToken: false, runtime })
 */
export function createGithubMethod({
  config,
  redirectUri,
  keepsAccessToken,
  runtime,
}: GithubMethodOptions): OpenOAuthMethod {
  const { url, clientId, clientSecret, ca, insecureHttp } = config;
  const { now } = runtime;
  const availability = createAvailability(now);
  const { fetch, close } = createProviderFetch({ ca, timeoutMs, insecureHttp, onReached: availability.onReached });
  return {
    ...createOAuthMethod({
      id: githubMethod,
      label: config.name,
      flow: createCodeFlow({
        authorizationUrl: `${url}/login/oauth/authorize`,
        tokenUrl: `${url}/login/oauth/access_token`,
        clientId,
        clientSecret,
        clientAuthentication: 'post',
        scopes,
        pkce: true,
        redirectUri,
        fetch,
        now,
      }),
      // GitHub asks nobody for the password again; it lets choose among accounts.
      parametersOf: (purpose): Readonly<Record<string, string>> =>
        purpose === 'sign-in' ? {} : { prompt: 'select_account' },
      ask: createGithubPeople({ config, apiUrl: apiUrlOf(config), fetch, now }),
      checkEveryMs: config.checkEvery,
      keepsAccessToken,
      isAvailable: availability.isAvailable,
      runtime,
    }),
    close,
  };
}
