import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime } from '../runtime.ts';
import type { CounterStore } from '../store/store.ts';
import { createSlots } from './slots.ts';

/** An address may fail this many times as often as an account: many people may share one. */
const addressFactor = 4;

/** How long a try waits for tries of the same account that are under way, before it is told to come again. */
const patienceMs = 10_000;
const lookAgainMs = 50;

export interface ThrottleOptions {
  readonly counters: CounterStore;
  readonly config: {
    /** Failures of one account that lock it. */
    readonly failures: number;
    /** Failures count for this long. */
    readonly withinMs: number;
    /** How long a lock lasts. */
    readonly lockForMs: number;
  };
  readonly runtime: Pick<Runtime, 'now'>;
}

/** Whose try it is. */
export interface Guess {
  /** Canonical user name, of nobody too; null for a text that can't be one: then only the address is counted. */
  readonly user: string | null;
  /** Client address; null: only the account is counted. */
  readonly address: string | null;
}

/** `abandoned`: it was never found out (too busy, store down); the try does not count. */
export type GuessOutcome = 'right' | 'wrong' | 'abandoned';

export type Reservation =
  | { readonly kind: 'reserved'; readonly settle: (outcome: GuessOutcome) => Promise<void> }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number; readonly by: 'account' | 'address' };

/**
 * Limits guessing across all channels and processes. A try is counted before it is looked at, so that parallel tries can't slip
 * through; `settle` must be called for each reservation. Rejects with `store-unavailable`.
 *
 * An account locks after `failures` failures within `withinMs`, an address (IPv6: its /64) after four times as many; a lock
 * lasts `lockForMs`, whatever is tried meanwhile. A right password clears its account's count and takes back only its own
 * mark on the address, so that nobody hides guesses behind sign-ins of their own.
 */
export interface Throttle {
  readonly reserve: (guess: Guess) => Promise<Reservation>;
}

interface Subject {
  readonly by: 'account' | 'address';
  readonly key: string;
  readonly limit: number;
}

type Place = { readonly kind: 'free'; readonly count: number } | { readonly kind: 'locked'; readonly endsAtMs: number };

/** @example createThrottle({ counters: store.counters, config: { failures: 5, withinMs: 300_000, lockForMs: 600_000 }, runtime }) */
export function createThrottle({ counters, config, runtime }: ThrottleOptions): Throttle {
  const { failures, withinMs, lockForMs } = config;
  const slots = createSlots({ maxWaiting: 500 });

  const subjectsOf = ({ user, address }: Guess): readonly Subject[] => {
    const ofAddress: readonly Subject[] =
      address === null
        ? []
        : [{ by: 'address', key: `address:${networkOf(address)}`, limit: failures * addressFactor }];
    if (user === null) return ofAddress;
    // Names of any length and of people who do not exist: a digest bounds the key and keeps them out of the store.
    const name = createHash('sha256').update(user).digest('base64url');
    return [{ by: 'account', key: `account:${name}`, limit: failures }, ...ofAddress];
  };

  /** Counts first and looks for a lock then: whoever locks sets the lock first and clears the count then. */
  const enter = async ({ key }: Subject): Promise<Place> => {
    const { count } = await counters.add(key, 1, withinMs);
    const lock = await counters.get(lockKey(key));
    return lock === null ? { kind: 'free', count } : { kind: 'locked', endsAtMs: lock.endsAtMs };
  };
  const giveBack = async (subjects: readonly Subject[]): Promise<void> => {
    await Promise.all(subjects.map(({ key }) => counters.add(key, -1, withinMs)));
  };
  const forget = async ({ key }: Subject): Promise<void> => {
    await Promise.all([counters.clear(key), counters.clear(wrongKey(key))]);
  };
  const lock = async (subject: Subject): Promise<void> => {
    await counters.add(lockKey(subject.key), 1, lockForMs);
    await forget(subject);
  };
  const secondsUntil = (endsAtMs: number): number => Math.max(1, Math.ceil((endsAtMs - runtime.now()) / 1000));

  const settle = async (outcome: GuessOutcome, subjects: readonly Subject[]): Promise<void> => {
    if (outcome === 'abandoned') return giveBack(subjects);
    if (outcome === 'right') {
      const work = subjects.map((subject) => (subject.by === 'account' ? forget(subject) : giveBack([subject])));
      await Promise.all(work);
      return;
    }
    // By what has turned out wrong: the count of tries holds those too whose outcome is open, and they may all be right.
    const wrong = await Promise.all(subjects.map(({ key }) => counters.add(wrongKey(key), 1, withinMs)));
    const reached = subjects.filter((subject, index) => (wrong[index]?.count ?? 0) >= subject.limit);
    await Promise.all(reached.map(lock));
  };

  const tryReserve = async (subjects: readonly Subject[]): Promise<Reservation | Subject> => {
    const places = await Promise.all(subjects.map(enter));
    const lockedAt = places.findIndex(({ kind }) => kind === 'locked');
    const locked = places[lockedAt];
    if (locked?.kind === 'locked') {
      await giveBack(subjects);
      const by = subjects[lockedAt]?.by ?? 'account';
      return { kind: 'throttled', retryAfterSeconds: secondsUntil(locked.endsAtMs), by };
    }
    const counts = places.map((place) => (place.kind === 'free' ? place.count : 0));
    const full = subjects.find((subject, index) => (counts[index] ?? 0) > subject.limit);
    if (full) {
      await giveBack(subjects);
      return full;
    }
    return { kind: 'reserved', settle: (outcome) => settle(outcome, subjects) };
  };

  /** Waits while all places are taken by tries whose outcome is open: a right one frees them, a wrong one may lock. */
  const reserve = async (subjects: readonly Subject[]): Promise<Reservation> => {
    for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
      const outcome = await tryReserve(subjects);
      if ('kind' in outcome) return outcome;
      if (waitedMs >= patienceMs) return full(outcome);
      await delay(lookAgainMs);
    }
  };
  const full = ({ by }: Subject): Reservation => ({
    kind: 'throttled',
    retryAfterSeconds: Math.max(1, Math.ceil(lockForMs / 1000)),
    by,
  });

  return {
    reserve: async (guess) => {
      const subjects = subjectsOf(guess);
      const held: (() => void)[] = [];
      const free = (): void => {
        for (const release of held.splice(0)) release();
      };
      try {
        // Within this process tries line up here, so that a crowd does not ask the store over and over.
        for (const subject of subjects) {
          const release = await slots.acquire(subject.key, subject.limit, patienceMs);
          if (release === null) {
            free();
            return full(subject);
          }
          held.push(release);
        }
        const reservation = await reserve(subjects);
        if (reservation.kind === 'throttled') {
          free();
          return reservation;
        }
        return { kind: 'reserved', settle: (outcome) => reservation.settle(outcome).finally(free) };
      } catch (error) {
        free();
        throw error;
      }
    },
  };
}

function lockKey(key: string): string {
  return `lock:${key}`;
}

function wrongKey(key: string): string {
  return `wrong:${key}`;
}

/** IPv4 as it is; of IPv6 the /64, all of which one subscriber has. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  // A dotted end (64:ff9b::192.0.2.1) stands for two groups; it never reaches the first four.
  const groups = right.length + left.length + (address.includes('.') ? 1 : 0);
  const whole = tail === undefined ? left : [...left, ...Array<string>(8 - groups).fill('0'), ...right];
  const network = whole.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
