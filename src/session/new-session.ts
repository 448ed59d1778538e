import { createHash } from 'node:crypto';
import type { Runtime } from '../runtime.ts';
import type { NewSession, Session } from './session.ts';

const tokenBytes = 32;
const userAgentLength = 256;

/** 32 bytes in base64url: a token, or the hash of one. */
export const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/** How long sessions live. */
export interface SessionLifetimes {
  readonly idleTimeoutMs: number;
  readonly lifetimeMs: number;
  /** Lifetime of a remembered session; 0: none is remembered. */
  readonly rememberForMs: number;
}

/** Makes a random 256-bit token. */
export function newToken(randomBytes: Runtime['randomBytes']): string {
  return randomBytes(tokenBytes).toString('base64url');
}

/** The id that belongs to a token. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Enough of an id to find a session again in the log and by `sallyport session revoke`. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** The session that begins now. */
export function newSession(id: string, input: NewSession, lifetimes: SessionLifetimes, nowMs: number): Session {
  const remembered = input.remembered && lifetimes.rememberForMs > 0;
  return {
    id,
    identity: input.identity,
    site: input.site,
    authenticatedAtMs: Math.min(input.authenticatedAtMs ?? nowMs, nowMs),
    createdAtMs: nowMs,
    lastSeenAtMs: nowMs,
    // Whoever asked to be remembered is not forgotten over a weekend.
    idleTimeoutMs: remembered ? lifetimes.rememberForMs : lifetimes.idleTimeoutMs,
    expiresAtMs: Math.min(
      nowMs + (remembered ? lifetimes.rememberForMs : lifetimes.lifetimeMs),
      input.endsAtMs ?? Infinity,
    ),
    remembered,
    amr: input.amr,
    address: input.address,
    userAgent: input.userAgent.slice(0, userAgentLength),
    credential: input.credential,
    provider: input.provider ?? null,
    handles: input.handles ?? [],
  };
}
