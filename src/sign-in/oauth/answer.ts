import { hasCode } from '../../errors.ts';
import type { ProviderFetch, ProviderRequest } from '../provider-fetch.ts';

/** A provider's no, or no answer; `reason` is a kebab-case slug for the log. */
export class OAuthFailure extends Error {
  /** `unavailable`: not known now; `refused`: the answer is a no, or is not good. */
  readonly kind: 'refused' | 'unavailable';
  readonly reason: string;

  constructor(kind: OAuthFailure['kind'], reason: string) {
    super(`the provider's answer: ${reason}`);
    this.name = 'OAuthFailure';
    this.kind = kind;
    this.reason = reason;
  }
}

/** The access token is not, or no longer, good. */
export const tokenNotAccepted = 'token-not-accepted';

/** Tells a provider that can't be reached from one that says no. Rethrows what is neither. */
export function readOAuthFailure(error: unknown): {
  readonly kind: OAuthFailure['kind'];
  readonly reason: string;
  readonly error: unknown;
} {
  if (error instanceof OAuthFailure) return { kind: error.kind, reason: error.reason, error };
  if (hasCode(error, 'provider-unreachable')) return { kind: 'unavailable', reason: error.code, error };
  throw error;
}

/** One answer, read as JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined for what is no JSON. */
  readonly value: unknown;
}

/**
 * Asks for JSON. Rejects with `provider-unreachable`, or an OAuthFailure when the provider says that it can't answer now; a
 * redirect is an answer like any other, and never followed.
 */
export async function askJson(
  fetch: ProviderFetch['fetch'],
  url: string,
  request: ProviderRequest,
): Promise<JsonAnswer> {
  const response = await fetch(url, {
    ...request,
    headers: { accept: 'application/json', 'user-agent': 'Sallyport', ...request.headers },
  });
  const { status, headers } = response;
  if (status >= 500) throw new OAuthFailure('unavailable', `provider-answered-${String(status)}`);
  // GitHub says 403, too; RFC 6585 §4 says 429.
  if (
    status === 429 ||
    (status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0'))
  )
    throw new OAuthFailure('unavailable', 'provider-rate-limit');
  return { status, headers, value: parse(await response.text()) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a token opens, as an object of who asks with it. */
export function authorization(accessToken: string): { readonly authorization: string } {
  return { authorization: `Bearer ${accessToken}` };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
