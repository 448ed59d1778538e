import type { RequestFacts } from '../request/facts.ts';

/** Longest token that is looked at. */
const maxTokenLength = 8_192;

/** A JWT as it says it is; nothing of it is verified. */
export interface ClaimedJwt {
  readonly token: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The token of `Authorization: Bearer` (RFC 6750 §2.1); null for any other scheme, and for what has no such form. */
export function readBearerToken(facts: Pick<RequestFacts, 'header'>): string | null {
  const value = facts.header('authorization');
  return value === undefined ? null : bearerTokenOf(value);
}

/** The same, of the value of `Authorization`. */
export function bearerTokenOf(authorization: string): string | null {
  // Most values are read no further than their scheme.
  if (!/^bearer /i.test(authorization) || authorization.length > maxTokenLength + 16) return null;
  return /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1] ?? null;
}

/** Takes a signed JWT apart (RFC 7515 §7.1: three parts, base64url without padding); null for anything else. */
export function claimedJwtOf(token: string): ClaimedJwt | null {
  if (token.length > maxTokenLength || !/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(token)) return null;
  const [head = '', body = ''] = token.split('.');
  const header = readObject(head);
  const payload = header === null ? null : readObject(body);
  return header === null || payload === null ? null : { token, header, payload };
}

function readObject(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
