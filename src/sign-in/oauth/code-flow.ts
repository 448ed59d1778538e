import { createHash } from 'node:crypto';
import type { RedirectCallback, RedirectStart } from '../method.ts';
import type { ProviderFetch } from '../provider-fetch.ts';
import { OAuthFailure, askJson, isObject } from './answer.ts';
import type { OAuthTokens } from './notes.ts';

export interface CodeFlowOptions {
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'basic' | 'post' | 'none';
  readonly scopes: readonly string[];
  /** RFC 7636, by S256 alone. */
  readonly pkce: boolean;
  readonly redirectUri: string;
  readonly fetch: ProviderFetch['fetch'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The authorization code flow of OAuth 2 (RFC 6749 §4.1). All promises reject as `askJson` says, or with an OAuthFailure. */
export interface CodeFlow {
  /** Where to send the browser; `more`: further parameters, none of which takes the place of ours. */
  readonly start: (start: RedirectStart, more: Readonly<Record<string, string>>) => string;
  /** Redeems the code of a callback, whose state was checked already. */
  readonly exchange: (callback: RedirectCallback) => Promise<OAuthTokens>;
  /** RFC 6749 §6. */
  readonly refresh: (refreshToken: string) => Promise<OAuthTokens>;
}

export function createCodeFlow(options: CodeFlowOptions): CodeFlow {
  const { clientId, clientSecret = '', clientAuthentication, scopes, pkce, redirectUri, fetch, now } = options;

  const ask = async (fields: Readonly<Record<string, string>>): Promise<OAuthTokens> => {
    const isBasic = clientAuthentication === 'basic';
    const body = new URLSearchParams({
      ...fields,
      ...(isBasic ? {} : { client_id: clientId }),
      ...(clientAuthentication === 'post' ? { client_secret: clientSecret } : {}),
    });
    const { status, value } = await askJson(fetch, options.tokenUrl, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(isBasic ? { authorization: basicOf(clientId, clientSecret) } : {}),
      },
      body: body.toString(),
    });
    return readTokens(status, value, now());
  };

  return {
    start: ({ state, verifier }, more) => {
      const url = new URL(options.authorizationUrl);
      const parameters = {
        ...more,
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
        state,
        ...(pkce ? { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' } : {}),
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url.href;
    },
    exchange: async ({ parameters, verifier }) => {
      const error = parameters.get('error');
      const code = parameters.get('code');
      if (error !== undefined && code === undefined) throw new OAuthFailure('refused', slugOf(error));
      if (error !== undefined || code === undefined || !/^[\x20-\x7e]{1,2048}$/.test(code))
        throw new OAuthFailure('refused', 'malformed-callback');
      return ask({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        ...(pkce ? { code_verifier: verifier } : {}),
      });
    },
    refresh: async (refreshToken) => {
      const renewed = await ask({ grant_type: 'refresh_token', refresh_token: refreshToken });
      // RFC 6749 §6: without a new one the old one stays.
      return { ...renewed, refreshToken: renewed.refreshToken ?? refreshToken };
    },
  };
}

/** RFC 7636 §4.2. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier, 'ascii').digest('base64url');
}

/** RFC 6749 §2.3.1: each written as in a form before they are put together. */
function basicOf(clientId: string, clientSecret: string): string {
  const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

/** RFC 6749 §5. GitHub tells errors with status 200. */
function readTokens(status: number, value: unknown, nowMs: number): OAuthTokens {
  if (!isObject(value)) throw new OAuthFailure('refused', 'malformed-answer');
  const { error } = value;
  if (typeof error === 'string')
    throw new OAuthFailure(error === 'temporarily_unavailable' ? 'unavailable' : 'refused', slugOf(error));
  if (status !== 200) throw new OAuthFailure('refused', `provider-answered-${String(status)}`);
  const { access_token: accessToken, token_type: type, refresh_token: refreshToken } = value;
  if (!isToken(accessToken)) throw new OAuthFailure('refused', 'malformed-answer');
  // RFC 6750: any other kind must be used in a way that we don't know.
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer'))
    throw new OAuthFailure('refused', 'unknown-token-type');
  const seconds = Number(value['expires_in']);
  return {
    accessToken,
    refreshToken: isToken(refreshToken) ? refreshToken : null,
    expiresAtMs: seconds > 0 && seconds < 1e9 ? nowMs + Math.floor(seconds * 1_000) : null,
  };
}

/** Visible ASCII: it stands in a header. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,8192}$/.test(value);
}

/** RFC 6749 §4.1.2.1: an error code of the provider; anybody may have written it into an address. */
function slugOf(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code.replaceAll('_', '-') : 'provider-error';
}
