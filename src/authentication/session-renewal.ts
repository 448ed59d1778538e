import type { Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import type { EndReason, Session, SessionChange, SessionProvider, SessionStore } from '../session/session.ts';
import type { Store } from '../store/store.ts';
import { createRenewalLock } from './renewal-lock.ts';

/** What a provider said about a session that it vouched for. `data` and `accessToken`: left out, they stay. */
export type Renewal =
  | ({ readonly kind: 'unchanged' } & RenewedProvider)
  /** Of the same issuer and subject; another user name in it is passed over until the next sign-in. */
  | ({ readonly kind: 'changed'; readonly identity: Identity } & RenewedProvider)
  /** The provider no longer vouches; `reason` for the log. */
  | { readonly kind: 'ended'; readonly reason: string };

interface RenewedProvider {
  /** When to ask again, milliseconds since 1970. */
  readonly checkAtMs: number;
  readonly data?: string;
  readonly accessToken?: string | null;
}

/**
 * Asks a provider about a session. Called for one session at a time, on all instances together. Must come to an end within
 * 25 s; rejects when the provider can't be reached, which is tried again.
 */
export type SessionRenewer = (session: Session, provider: SessionProvider) => Promise<Renewal>;

export type RenewalOutcome =
  | { readonly kind: 'live'; readonly session: Session }
  /** Not known yet: the session goes on as it is, and need not be asked about before then. */
  | { readonly kind: 'postponed'; readonly untilMs: number }
  | { readonly kind: 'over'; readonly reason: EndReason };

/** Keeps sessions in step with their providers. Rejects with `store-unavailable`. */
export interface SessionRenewal {
  /** For a session whose `provider.checkAtMs` has passed. Waits for the provider, but not for long. */
  readonly renew: (session: Session) => Promise<RenewalOutcome>;
}

export interface SessionRenewalOptions {
  /** By id of the sign-in method. */
  readonly renewers: ReadonlyMap<string, SessionRenewer>;
  readonly sessions: Pick<SessionStore, 'read' | 'update' | 'end'>;
  readonly store: Pick<Store, 'add' | 'namespace'>;
  readonly runtime: Runtime;
  /** A session whose provider could not be asked goes on for this long, then ends. */
  readonly unreachableForMs: number;
  /** How long a request waits for a provider's answer before it goes on without. Default 3 s. */
  readonly patienceMs?: number;
}

/** Longer than any renewer takes. */
const lockMs = 60_000;
const retryAtLeastMs = 5_000;
const retryAtMostMs = 60_000;

/** One call a session at a time, in this process and by a lock in the store among all; the others wait a moment, then go on. */
export function createSessionRenewal(options: SessionRenewalOptions): SessionRenewal {
  const { renewers, sessions, runtime, unreachableForMs, patienceMs = 3_000 } = options;
  const { now, log } = runtime;
  const lock = createRenewalLock({ store: options.store, now, lockMs });
  const underWay = new Map<string, { readonly sinceMs: number; readonly outcome: Promise<RenewalOutcome> }>();
  /** What a provider gave and the store did not take yet: a rotated refresh token is good only once. */
  const unwritten = new Map<string, SessionChange>();

  const end = async (session: Session, reason: EndReason, detail: string): Promise<RenewalOutcome> => {
    const { user, method } = session.identity;
    await sessions.end(session.id, reason);
    log.info('session.ended', { audit: true, user, method, session: session.id, reason, detail });
    return { kind: 'over', reason };
  };

  const write = async (session: Session, change: SessionChange): Promise<RenewalOutcome> => {
    unwritten.set(session.id, change);
    const updated = await sessions.update(session, change);
    unwritten.delete(session.id);
    return updated === null ? { kind: 'over', reason: 'provider-ended' } : { kind: 'live', session: updated };
  };

  const settle = async (session: Session, provider: SessionProvider, renewal: Renewal): Promise<RenewalOutcome> => {
    if (renewal.kind === 'ended') return end(session, 'provider-ended', renewal.reason);
    const { checkAtMs, data = provider.data, accessToken = provider.accessToken } = renewal;
    const renewed: SessionProvider = { id: provider.id, checkAtMs, failingSinceMs: null, data, accessToken };
    if (renewal.kind === 'unchanged') return write(session, { provider: renewed });
    const { identity } = renewal;
    const { issuer, subject, user } = session.identity;
    if (identity.issuer !== issuer || identity.subject !== subject)
      return end(session, 'provider-ended', 'subject-changed');
    return write(session, { identity: { ...identity, user }, provider: renewed });
  };

  const fail = async (session: Session, provider: SessionProvider, error: unknown): Promise<RenewalOutcome> => {
    const sinceMs = provider.failingSinceMs ?? now();
    log.warn('session.renewal-failed', { method: provider.id, session: session.id, error });
    const failingForMs = now() - sinceMs;
    if (failingForMs >= unreachableForMs) return end(session, 'provider-unreachable', 'provider-unreachable');
    if (provider.failingSinceMs === null)
      await sessions.update(session, { provider: { ...provider, failingSinceMs: sinceMs } });
    const untilMs = now() + Math.min(retryAtMostMs, Math.max(retryAtLeastMs, failingForMs / 4));
    await lock.holdUntil(session.id, untilMs);
    return { kind: 'postponed', untilMs };
  };

  const ask = async (id: string): Promise<RenewalOutcome> => {
    // Whoever had the lock before may have done it.
    const session = await sessions.read(id);
    if (session === null) return { kind: 'over', reason: 'provider-ended' };
    const { provider } = session;
    if (provider === null || now() < provider.checkAtMs) return { kind: 'live', session };
    const pending = unwritten.get(id);
    if (pending !== undefined) return write(session, pending);
    const renewer = renewers.get(provider.id);
    if (renewer === undefined) return end(session, 'provider-ended', 'no-such-method');
    let renewal: Renewal;
    try {
      renewal = await renewer(session, provider);
    } catch (error) {
      return fail(session, provider, error);
    }
    return settle(session, provider, renewal);
  };

  const run = async ({ id }: Session): Promise<RenewalOutcome> => {
    const endMs = now() + patienceMs;
    for (;;) {
      const place = await lock.take(id);
      if (place.kind === 'waiting') return { kind: 'postponed', untilMs: place.untilMs };
      if (place.kind === 'taken') {
        try {
          return await ask(id);
        } finally {
          await lock.release(id);
        }
      }
      if (now() >= endMs) return { kind: 'postponed', untilMs: now() + 1_000 };
      await lock.pause();
    }
  };

  return {
    renew: async (session) => {
      let running = underWay.get(session.id);
      if (running === undefined) {
        const outcome = run(session).finally(() => underWay.delete(session.id));
        // Whoever waits has gone on without it, perhaps.
        outcome.catch(() => undefined);
        running = { sinceMs: now(), outcome };
        underWay.set(session.id, running);
      }
      return withPatience(running.outcome, running.sinceMs + patienceMs - now(), () => now() + 1_000);
    },
  };
}

function withPatience(
  outcome: Promise<RenewalOutcome>,
  waitMs: number,
  untilMs: () => number,
): Promise<RenewalOutcome> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve({ kind: 'postponed', untilMs: untilMs() }), Math.max(0, waitMs));
    outcome.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
