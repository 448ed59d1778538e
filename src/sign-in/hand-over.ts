import { createHash, createHmac } from 'node:crypto';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { Store } from '../store/store.ts';
import type { RedirectPurpose } from './method.ts';
import { networkOf } from './throttle.ts';

const namespace = 'hand-over';
const ticketMs = 10 * 60_000;
/** A redirect takes no longer. */
const codeMs = 60_000;
/** Starts of one client address within ten minutes: many people may share one. */
const maxPerAddress = 2_000;

/** A browser at an app's host, on its way to the sign-in at `publicUrl` and back. */
export interface HandOver {
  /** Origin of the app's host; checked to be ours. */
  readonly origin: string;
  /** Checked, as seen from there; null: the person's apps. */
  readonly returnTo: string | null;
  readonly purpose: RedirectPurpose;
  /** The person has just signed out there, and is to be asked before a provider signs them in again. */
  readonly choose: boolean;
  readonly startedAtMs: number;
}

export interface HandOversOptions {
  readonly store: Pick<Store, 'namespace' | 'add' | 'counters'>;
  readonly secret: Buffer;
  readonly runtime: Pick<Runtime, 'now' | 'randomBytes'>;
}

/**
 * Carries a sign-in from the host of `publicUrl` to an app on a host of its own. The app's host gives out a ticket that belongs
 * to this browser, by a cookie there; `publicUrl` makes a code of it for somebody who is signed in; the app's host takes the code, once
 * and within a minute, from that browser alone. Whoever sees a ticket or a code can do nothing with it. Rejects with `store-unavailable`.
 */
export interface HandOvers {
  /** A ticket; null when this address has started too many. `browser`: the form cookie at the app's host. */
  readonly start: (browser: string, address: string, handOver: Omit<HandOver, 'startedAtMs'>) => Promise<string | null>;
  readonly read: (ticket: string) => Promise<HandOver | null>;
  /** Makes a code of a ticket for this session; null when the ticket is used or too old. */
  readonly grant: (ticket: string, sessionId: string) => Promise<string | null>;
  /** Takes a code; null for one that is unknown, used, too old, another browser's, or another host's. */
  readonly redeem: (
    code: string,
    browser: string | null,
    origin: string,
  ) => Promise<{ readonly handOver: HandOver; readonly sessionId: string } | null>;
}

interface Kept {
  /** Names the browser. */
  readonly mark: string;
  readonly handOver: HandOver;
  /** Null while it is a ticket. */
  readonly sessionId: string | null;
}

const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

export function createHandOvers({ store, secret, runtime }: HandOversOptions): HandOvers {
  const { now, randomBytes } = runtime;
  const records = store.namespace(namespace);
  const sealer = createSealer(deriveKey(secret, 'hand-over'), randomBytes);
  const browserKey = deriveKey(secret, 'hand-over-browser');
  const keyOf = (token: string): string => createHash('sha256').update(`hand-over\0${token}`).digest('base64url');
  const markOf = (browser: string): string => createHmac('sha256', browserKey).update(browser).digest('base64url');

  const keep = async (kept: Kept, ttlMs: number): Promise<string> => {
    const token = randomBytes(32).toString('base64url');
    const key = keyOf(token);
    await records.set(key, sealer.seal(JSON.stringify(kept), key), ttlMs);
    return token;
  };
  const open = async (token: string): Promise<Kept | null> => {
    if (!tokenPattern.test(token)) return null;
    const key = keyOf(token);
    const sealed: unknown = await records.get(key);
    const text = typeof sealed === 'string' ? sealer.open(sealed, key) : null;
    // We sealed it: its form is ours.
    return text === null ? null : (JSON.parse(text) as Kept);
  };
  /** True for exactly one of several. */
  const take = (token: string): Promise<boolean> => records.delete(keyOf(token));

  return {
    start: async (browser, address, handOver) => {
      const { count } = await store.counters.add(`hand-overs:${networkOf(address)}`, 1, ticketMs);
      if (count > maxPerAddress) return null;
      const whole: HandOver = { ...handOver, startedAtMs: now() };
      return keep({ mark: markOf(browser), handOver: whole, sessionId: null }, ticketMs);
    },
    read: async (ticket) => {
      const kept = await open(ticket);
      return kept === null || kept.sessionId !== null ? null : kept.handOver;
    },
    grant: async (ticket, sessionId) => {
      const kept = await open(ticket);
      if (kept === null || kept.sessionId !== null || !(await take(ticket))) return null;
      return keep({ ...kept, sessionId }, codeMs);
    },
    redeem: async (code, browser, origin) => {
      const kept = await open(code);
      if (kept === null || kept.sessionId === null || browser === null) return null;
      // Another browser must not use up the code of the one that is on its way.
      if (kept.mark !== markOf(browser) || kept.handOver.origin !== origin || !(await take(code))) return null;
      return { handOver: kept.handOver, sessionId: kept.sessionId };
    },
  };
}
