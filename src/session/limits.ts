import type { Session } from './session.ts';

const minuteMs = 60_000;

/** True while neither the sliding nor the absolute limit has passed. */
export function isLive(session: Session, nowMs: number): boolean {
  return nowMs < session.expiresAtMs && nowMs < session.lastSeenAtMs + session.idleTimeoutMs;
}

/** Milliseconds until the first limit, at least 1: to Keyv 0 would mean for ever. */
export function remainingMs(session: Session, nowMs: number): number {
  return Math.max(1, Math.ceil(Math.min(session.expiresAtMs, session.lastSeenAtMs + session.idleTimeoutMs) - nowMs));
}

/**
 * How old `lastSeenAtMs` may grow before a request writes it anew: a minute, less where the idle timeout is so short that a
 * minute would end a busy session early.
 */
export function touchEveryMs(session: Session): number {
  return Math.min(minuteMs, session.idleTimeoutMs / 10);
}
