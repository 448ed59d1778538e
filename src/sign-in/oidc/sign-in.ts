import { decodeJwt, type JWTPayload } from 'jose';
import { authorizationCodeGrant, fetchUserInfo, refreshTokenGrant, type TokenEndpointResponse } from 'openid-client';
import type { SessionRenewer } from '../../authentication/session-renewal.ts';
import type { Runtime } from '../../runtime.ts';
import { neverChecked, type SessionProvider } from '../../session/session.ts';
import type { RedirectCallback, RedirectVerdict } from '../method.ts';
import { mapClaims, type Claims } from './claims.ts';
import type { OidcProviderConfig } from './config.ts';
import { readFailure } from './failure.ts';
import { readNotes, sidHandle, subjectHandle, writeNotes } from './notes.ts';
import type { Provider, ProviderClient } from './provider.ts';
import { verifyIdToken } from './tokens.ts';

export interface OidcSignInOptions {
  readonly config: OidcProviderConfig;
  readonly provider: Provider;
  readonly redirectUri: string;
  /** Some route hands the access token on to its app. */
  readonly keepsAccessToken: boolean;
  readonly runtime: Runtime;
}

/** The two ways in which a provider vouches: at sign-in by a code, later by a refresh token. */
export interface OidcSignIn {
  readonly finish: (callback: RedirectCallback) => Promise<RedirectVerdict>;
  readonly renew: SessionRenewer;
}

/** How much older than the start of a repeated sign-in the provider's own may be, as clocks differ. */
const againToleranceMs = 60_000;

export function createOidcSignIn({
  config,
  provider,
  redirectUri,
  keepsAccessToken,
  runtime,
}: OidcSignInOptions): OidcSignIn {
  const { id } = config;
  const { now } = runtime;

  const verify = (client: ProviderClient, idToken: string, nonce: string | null): Promise<JWTPayload> => {
    const { keys, issuer, algorithms } = client;
    return verifyIdToken(idToken, { keys, issuer, algorithms, clientId: config.clientId, nowMs: now() }, nonce);
  };
  const userinfo = async (client: ProviderClient, accessToken: string, subject: string): Promise<Claims> =>
    client.hasUserinfo ? fetchUserInfo(client.configuration, accessToken, subject) : {};

  const providerOf = (tokens: TokenEndpointResponse, idToken: string, oldRefreshToken: string | null) => {
    // RFC 6749 §6: a new refresh token takes the place of the old one; without one the old one stays.
    const refreshToken = tokens.refresh_token ?? oldRefreshToken;
    const expiresInMs = Math.max(10_000, (tokens.expires_in ?? Infinity) * 900);
    return {
      id,
      checkAtMs: refreshToken === null ? neverChecked : now() + Math.min(config.checkEvery, expiresInMs),
      failingSinceMs: null,
      data: writeNotes({ idToken, refreshToken }),
      accessToken: keepsAccessToken ? tokens.access_token : null,
    } satisfies SessionProvider;
  };

  const finish = async (callback: RedirectCallback): Promise<RedirectVerdict> => {
    const client = await provider.client();
    const address = new URL(redirectUri);
    for (const [name, value] of callback.parameters) address.searchParams.append(name, value);
    const tokens = await authorizationCodeGrant(client.configuration, address, {
      pkceCodeVerifier: callback.verifier,
      expectedState: callback.state,
      expectedNonce: callback.nonce,
      idTokenExpected: true,
    });
    const { id_token: idToken = '' } = tokens;
    const payload = await verify(client, idToken, callback.nonce);
    const { iss = '', sub = '', sid, amr } = payload;
    const freshness = judgeAge(payload, callback);
    if (typeof freshness === 'string') return { kind: 'refused', reason: freshness };
    const mapped = mapClaims(
      merge(payload, await userinfo(client, tokens.access_token, sub), config.emailClaim),
      config,
    );
    if (mapped.kind === 'refused') return mapped;
    return {
      kind: 'verified',
      identity: mapped.identity,
      credential: '',
      amr: Array.isArray(amr) ? amr.filter((one) => typeof one === 'string').slice(0, 20) : [],
      provider: providerOf(tokens, idToken, null),
      handles: [
        subjectHandle(id, iss, sub),
        ...(typeof sid === 'string' && sid !== '' ? [sidHandle(id, iss, sid)] : []),
      ],
      ...freshness,
    };
  };

  /** When the person signed in at the provider; a slug when that was too long ago, or must be known and is not. */
  const judgeAge = (
    { auth_time: saidSeconds }: JWTPayload,
    { purpose, startedAtMs }: RedirectCallback,
  ): { readonly authenticatedAtMs?: number } | string => {
    // Some providers write 0 for "not known".
    const isKnown = typeof saidSeconds === 'number' && Number.isFinite(saidSeconds) && saidSeconds > 0;
    const isWanted = purpose === 'again' || config.maxAge !== undefined;
    if (!isKnown) return isWanted ? 'sign-in-time-unknown' : {};
    const authenticatedAtMs = saidSeconds * 1_000;
    const notBeforeMs = purpose === 'again' ? startedAtMs : startedAtMs - (config.maxAge ?? Infinity);
    return authenticatedAtMs < notBeforeMs - againToleranceMs ? 'sign-in-too-old' : { authenticatedAtMs };
  };

  const renew: SessionRenewer = async ({ identity }, { data }) => {
    const notes = readNotes(data);
    if (notes?.refreshToken == null) return { kind: 'ended', reason: 'no-refresh-token' };
    const client = await provider.client();
    const tokens = await refreshTokenGrant(client.configuration, notes.refreshToken);
    const { id_token: idToken } = tokens;
    const payload = idToken === undefined ? decodeJwt(notes.idToken) : await verify(client, idToken, null);
    if (payload.iss !== identity.issuer || payload.sub !== identity.subject)
      return { kind: 'ended', reason: 'subject-changed' };
    const said = await userinfo(client, tokens.access_token, identity.subject);
    const mapped = mapClaims(merge(payload, said, config.emailClaim), config);
    if (mapped.kind === 'refused') return { kind: 'ended', reason: mapped.reason };
    const { checkAtMs, data: renewed, accessToken } = providerOf(tokens, idToken ?? notes.idToken, notes.refreshToken);
    return { kind: 'changed', identity: mapped.identity, checkAtMs, data: renewed, accessToken };
  };

  return {
    finish: (callback) => finish(callback).catch((error: unknown) => readFailure(error)),
    renew: (session, held) =>
      renew(session, held).catch((error: unknown) => {
        const { kind, reason } = readFailure(error);
        // `invalid_grant` and whatever else is a no; a client that the provider no longer knows is a fault of ours or its own.
        if (kind === 'unavailable' || reason === 'invalid-client') throw error;
        return { kind: 'ended', reason };
      }),
  };
}

/** Userinfo is the fresher word, but nobody's e-mail address is verified by a word about another one. */
function merge(payload: JWTPayload, said: Claims, emailClaim: string): Claims {
  const { iss, sub } = payload;
  const merged: Record<string, unknown> = { ...payload, ...said, iss, sub };
  const isOtherEmail = Object.hasOwn(said, emailClaim) && said[emailClaim] !== payload[emailClaim];
  if (isOtherEmail && !Object.hasOwn(said, 'email_verified')) delete merged['email_verified'];
  return merged;
}
