import { jwtVerify, type JWTPayload } from 'jose';
import type { KeySet } from './key-set.ts';

/** RFC 7518, RFC 8037, RFC 9864: asymmetric, so that a public key can never pass for a secret. */
export const signingAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** How far the provider's clock may be off. */
const toleranceSeconds = 60;

/** The year 5138: what lies behind is no time but a number. */
const latestSeconds = 1e11;

export interface TokenExpectation {
  readonly keys: KeySet;
  readonly issuer: string;
  readonly clientId: string;
  /** What the provider said it signs with, less what is not allowed. */
  readonly algorithms: readonly string[];
  readonly nowMs: number;
}

export interface VerifiedToken {
  readonly payload: JWTPayload;
  /** `typ` of the header, lower case, without `application/`; null when there is none. */
  readonly type: string | null;
}

/** Why a token is not good; the reason is a slug for the log. */
export class TokenError extends Error {
  readonly reason: string;

  constructor(reason: string, options?: { readonly cause?: unknown }) {
    super(`the token is not good: ${reason}`, options);
    this.name = 'TokenError';
    this.reason = reason;
  }
}

/**
 * Verifies what ID tokens and logout tokens have in common: signature by one of the provider's keys, algorithm, issuer, audience,
 * authorized party, times. Throws `TokenError`, or `provider-unreachable` when the keys can't be had.
 */
export async function verifyToken(token: string, expected: TokenExpectation): Promise<VerifiedToken> {
  const { keys, issuer, clientId, algorithms, nowMs } = expected;
  if (hasDoubleMember(token)) throw new TokenError('double-header-member');
  const { payload, protectedHeader } = await jwtVerify(token, keys.getKey, {
    algorithms: [...algorithms],
    issuer,
    audience: clientId,
    clockTolerance: toleranceSeconds,
    currentDate: new Date(nowMs),
    requiredClaims: ['exp', 'iat'],
  }).catch((cause: unknown) => {
    // jose says so of tokens only; whatever else went wrong did so on the way to the keys.
    if (isJoseError(cause)) throw new TokenError(slugOf(cause.code), { cause });
    throw cause;
  });
  const { azp, aud, iat = 0, exp = 0 } = payload;
  if (Math.max(iat, exp) > latestSeconds) throw new TokenError('absurd-time');
  if (Array.isArray(aud) && aud.length > 1 && azp === undefined) throw new TokenError('no-authorized-party');
  if (azp !== undefined && azp !== clientId) throw new TokenError('wrong-authorized-party');
  if (iat > nowMs / 1_000 + toleranceSeconds) throw new TokenError('issued-in-the-future');
  return { payload, type: protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? null };
}

/** The claims of an ID token. `nonce`: null where none can be expected, after a refresh. Throws like `verifyToken`. */
export async function verifyIdToken(
  token: string,
  expected: TokenExpectation,
  nonce: string | null,
): Promise<JWTPayload> {
  const { payload, type } = await verifyToken(token, expected);
  // An access token or logout token for the same client is signed by the same keys.
  if (type !== null && type !== 'jwt') throw new TokenError('not-an-id-token');
  if (nonce !== null && payload['nonce'] !== nonce) throw new TokenError('wrong-nonce');
  if (payload['events'] !== undefined) throw new TokenError('not-an-id-token');
  if (typeof payload.sub !== 'string' || payload.sub === '') throw new TokenError('malformed-subject');
  return payload;
}

function isJoseError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^ERR_J/.test(error.code);
}

function slugOf(code: string): string {
  return code.replace(/^ERR_/, '').toLowerCase().replaceAll('_', '-');
}

/** Two readers could take different ones of two members with the same name (RFC 7515 §4). */
function hasDoubleMember(token: string): boolean {
  const text = Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8');
  let written = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon !== undefined) written += 1;
  try {
    return countMembers(JSON.parse(text)) !== written;
  } catch {
    return true;
  }
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const entries: readonly unknown[] = Object.values(value);
  return entries.reduce<number>((sum, entry) => sum + countMembers(entry), Array.isArray(value) ? 0 : entries.length);
}
