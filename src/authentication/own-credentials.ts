import { holdsToken } from '../access-token/token-text.ts';
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
    // An access token is never an app's business, however it is sent.
    if (holdsToken(authorization) || holdsToken(decodedBasic(authorization))) return true;
    if (!acceptTokens || trusted.size === 0) return false;
    const token = bearerTokenOf(authorization);
    const issuer = token === null ? undefined : claimedJwtOf(token)?.payload['iss'];
    return typeof issuer === 'string' && trusted.has(issuer);
  };
}

function decodedBasic(authorization: string): string {
  const encoded = /^basic\s+(\S+)/i.exec(authorization)?.[1];
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1');
}
