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
 * How old `lastSeenAtMs` may grow before a request writes it anew: a thirtieth of the idle timeout, yet one to five minutes;
 * less than a minute only where the idle timeout is so short that a minute would end a busy session early.
 */
export function touchEveryMs({ idleTimeoutMs }: Pick<Session, 'idleTimeoutMs'>): number {
  return Math.min(Math.max(idleTimeoutMs / 30, minuteMs), idleTimeoutMs / 10, 5 * minuteMs);
}
