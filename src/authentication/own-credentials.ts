import { bearerTokenOf, claimedJwtOf } from './bearer-token.ts';

/**
 * True for an `Authorization` that is meant for the gateway, whether or not anybody looked at it: on a route that anyone may
 * use an app must not get to see it either. `acceptTokens`: the route takes JWTs of our issuers.
 */
export type OwnCredentials = (authorization: string, acceptTokens: boolean) => boolean;

/** @example createOwnCredentials(['https://issuer.example.com'])('Bearer eyJ…', true) */
export function createOwnCredentials(issuers: readonly string[]): OwnCredentials {
  const trusted = new Set(issuers);
  return (authorization, acceptTokens) => {
    if (!acceptTokens || trusted.size === 0) return false;
    const token = bearerTokenOf(authorization);
    const issuer = token === null ? undefined : claimedJwtOf(token)?.payload['iss'];
    return typeof issuer === 'string' && trusted.has(issuer);
  };
}
