import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import { TokenError } from './tokens.ts';

/** What an error on the way to a provider means; `reason` is a kebab-case slug for the log. */
export interface ProviderFailure {
  /** `unavailable`: not known now; `refused`: the answer is a no, or is not good. */
  readonly kind: 'refused' | 'unavailable';
  readonly reason: string;
  readonly error: unknown;
}

/** Tells a provider that can't be reached from one that says no. */
export function readFailure(error: unknown): ProviderFailure {
  for (const cause of causesOf(error)) {
    if (cause instanceof GatewayError) return { kind: 'unavailable', reason: cause.code, error };
    if (cause instanceof TokenError) return { kind: 'refused', reason: cause.reason, error };
    if (cause instanceof AuthorizationResponseError) return { kind: 'refused', reason: slugOf(cause.error), error };
    if (cause instanceof ResponseBodyError) {
      const kind = cause.status >= 500 || cause.error === 'temporarily_unavailable' ? 'unavailable' : 'refused';
      return { kind, reason: slugOf(cause.error), error };
    }
    if (cause instanceof WWWAuthenticateChallengeError) return { kind: 'refused', reason: 'token-not-accepted', error };
    if (cause instanceof Response && cause.status >= 500)
      return { kind: 'unavailable', reason: 'provider-unreachable', error };
  }
  return { kind: 'refused', reason: 'malformed-answer', error };
}

function causesOf(error: unknown): readonly unknown[] {
  const causes: unknown[] = [];
  for (let cause = error; cause !== undefined && causes.length < 8;) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

/** RFC 6749 §4.1.2.1: an error code of the provider; anybody may have written it into an address. */
function slugOf(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code.replaceAll('_', '-') : 'provider-error';
}
