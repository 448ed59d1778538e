import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { createNearCache } from '../store/near-cache.ts';
import type { Store } from '../store/store.ts';
import { isLive, remainingMs, touchEveryMs } from './limits.ts';
import { hashToken, newSession, newToken, shortId, tokenPattern, type SessionLifetimes } from './new-session.ts';
import { createSessionRecords } from './record.ts';
import { subscribe } from './subscribe.ts';
import { enlist, handleSet, strikeOut, userSet } from './sets.ts';
import type { EndReason, Session, SessionStore } from './session.ts';

/** A user has at most this many live sessions: one more ends the oldest. */
export const maxSessionsPerUser = 100;

const namespace = 'session';
const updateAttempts = 5;

/**
 * How long a cached session is believed without a look at the store. SQLite is asked for news before each belief, so its
 * age hardly matters; Redis tells by itself, so what it might have failed to tell is bounded to seconds.
 */
const believedForMs = { memory: 60_000, sqlite: 60_000, redis: 5_000 } as const;

export interface SessionStoreOptions {
  readonly store: Store;
  /** As `loadStoreSecret` gave it. */
  readonly secret: Buffer;
  readonly config: SessionLifetimes;
  readonly runtime: Runtime;
  /** Parsed sessions by token, believed for `maxAgeMs` at most. */
  readonly nearCache?: { readonly maxEntries: number; readonly maxAgeMs: number };
}

/** What was read: the session, and the sealed text that it was read from. */
interface Loaded {
  readonly session: Session;
  readonly sealed: string;
}

/**
 * Live sessions over a store. The store's key is the hash of the token and the record is sealed; a near cache of parsed
 * sessions answers synchronously, and forgets at once what any process on the store ends or changes.
 *
 * @example createSessionStore({ store, secret, config: { idleTimeoutMs, lifetimeMs, rememberForMs }, runtime })
 */
export function createSessionStore({
  store,
  secret,
  config,
  runtime,
  nearCache = { maxEntries: 16_384, maxAgeMs: believedForMs[store.kind] },
}: SessionStoreOptions): SessionStore {
  const { now, randomBytes, log } = runtime;
  const keyv = store.namespace(namespace);
  const records = createSessionRecords(secret, randomBytes);
  const cache = createNearCache<Loaded>({ ...nearCache, now, nameOf: ({ session }) => session.id });
  // When a request of this process last slid a session: many arrive at once, one writes.
  const slides = createNearCache<{ readonly id: string; readonly atMs: number }>({
    ...nearCache,
    now,
    nameOf: ({ id }) => id,
  });
  // The text that each session was read from: a write is good only while the store still has the same.
  const sealedTexts = new WeakMap<Session, string>();
  // No Map: one that is added to and deleted from at every miss leaves a trail of tables for the collector (see bag.ts).
  const noLoads = () => Object.create(null) as Record<string, Promise<Session | null> | undefined>;
  let loads = noLoads();
  const endListeners = new Set<{ readonly hear: (id: string) => void }>();
  const doubtListeners = new Set<{ readonly hear: () => void }>();
  // Grows with every invalidation, so that what was read before one is not cached after it.
  let generation = 0;

  const forget = (id: string): void => {
    generation += 1;
    cache.deleteNamed(id);
    // Whoever asks from now on must not join a read that began before.
    loads = noLoads();
  };
  const forgetAll = (): void => {
    generation += 1;
    cache.clear();
    loads = noLoads();
  };
  store.events.subscribe((news) => {
    if (news.kind === 'session-changed' || news.kind === 'session-ended') forget(news.id);
    if (news.kind === 'session-ended') for (const { hear } of endListeners) hear(news.id);
    if (news.kind !== 'missed') return;
    forgetAll();
    for (const { hear } of doubtListeners) hear();
  });

  const known = (session: Session, sealed: string): Loaded => {
    sealedTexts.set(session, sealed);
    return { session, sealed };
  };
  const load = async (id: string, before?: Loaded): Promise<Loaded | null> => {
    const sealed: unknown = await keyv.get(id);
    if (typeof sealed !== 'string') return null;
    if (before?.sealed === sealed) return isLive(before.session, now()) ? before : null;
    const session = records.open(id, sealed);
    return session !== null && isLive(session, now()) ? known(session, sealed) : null;
  };
  const loadToken = async (token: string, mayCache: boolean): Promise<Session | null> => {
    const born = generation;
    const loaded = await load(hashToken(token), cache.peek(token));
    if (loaded === null) return null;
    if (mayCache && born === generation) cache.set(token, loaded);
    return loaded.session;
  };

  const find = (token: string): Session | null | Promise<Session | null> => {
    const isCurrent = store.events.isCurrent();
    if (!isCurrent) forgetAll();
    const near = cache.get(token);
    if (near !== undefined && isLive(near.session, now())) return near.session;
    if (!tokenPattern.test(token)) return null;
    const underway = loads[token];
    if (underway !== undefined) return underway;
    const loading = loadToken(token, isCurrent).finally(() => {
      if (loads[token] === loading) delete loads[token];
    });
    loads[token] = loading;
    return loading;
  };

  const slide = async (session: Session, nowMs: number): Promise<void> => {
    const before = sealedTexts.get(session);
    if (before === undefined) return;
    const next = { ...session, lastSeenAtMs: nowMs };
    const sealed = records.seal(next);
    // Neither brings an ended session back nor undoes what another process wrote meanwhile.
    const written = await store.replace(namespace, session.id, before, sealed, remainingMs(next, nowMs));
    if (written) cache.renew(known(next, sealed));
    else cache.deleteNamed(session.id);
  };

  const end = async (id: string, reason: EndReason): Promise<boolean> => {
    if (!tokenPattern.test(id)) return false;
    const loaded = await load(id);
    const lived = await keyv.delete(id).finally(() => forget(id));
    await store.events.publish({ kind: 'session-ended', id });
    if (loaded === null || !lived) return false;
    const { user } = loaded.session.identity;
    log.info('session.ended', { session: shortId(id), user, reason });
    // The session is dead already; a name left in the set is skipped by whoever reads it.
    await strikeOut(store.index, loaded.session).catch((error: unknown) => log.warn('session.index-failed', { error }));
    return true;
  };

  const readMany = async (ids: readonly string[]): Promise<readonly Session[]> => {
    const loaded = await Promise.all(ids.map((id) => load(id)));
    return loaded.flatMap((found) => (found === null ? [] : [found.session]));
  };

  /** Takes ended sessions out of a crowded set, and ends the oldest live ones above the limit. */
  const thinOut = async (user: string): Promise<void> => {
    const ids = await store.index.members(userSet(user));
    if (ids.length <= maxSessionsPerUser) return;
    const live = await readMany(ids);
    const liveIds = new Set(live.map(({ id }) => id));
    await Promise.all(ids.filter((id) => !liveIds.has(id)).map((id) => store.index.remove(userSet(user), id)));
    const oldestFirst = live.toSorted((a, b) => a.createdAtMs - b.createdAtMs);
    const surplus = oldestFirst.slice(0, Math.max(0, live.length - maxSessionsPerUser));
    await Promise.all(surplus.map(({ id }) => end(id, 'too-many')));
  };

  return {
    create: async (input) => {
      const token = newToken(randomBytes);
      const session = newSession(hashToken(token), input, config, now());
      const sealed = records.seal(session);
      await keyv.set(session.id, sealed, remainingMs(session, now()));
      try {
        await enlist(store.index, session);
        await thinOut(input.identity.user);
      } catch (error) {
        // A session that can't be found for revoking must not live. Nobody has its token yet, so failing here is harmless.
        await keyv.delete(session.id).catch(() => undefined);
        throw error;
      }
      known(session, sealed);
      log.info('session.created', {
        session: shortId(session.id),
        user: input.identity.user,
        method: input.identity.method,
        address: input.address,
        remembered: session.remembered,
      });
      return { token, session };
    },
    find,
    read: async (id) => (tokenPattern.test(id) ? ((await load(id))?.session ?? null) : null),
    touch: (session) => {
      const nowMs = now();
      const everyMs = touchEveryMs(session);
      if (nowMs - session.lastSeenAtMs < everyMs) return;
      if (nowMs - (slides.peek(session.id)?.atMs ?? -Infinity) < everyMs) return;
      slides.set(session.id, { id: session.id, atMs: nowMs });
      return slide(session, nowMs);
    },
    update: async (session, change) => {
      for (let attempt = 0; attempt < updateAttempts; attempt += 1) {
        const loaded = await load(session.id);
        if (loaded === null) return null;
        const next: Session = { ...loaded.session, ...change };
        // Requests side by side notice the same change; one of them wrote it already.
        if (JSON.stringify(next) === JSON.stringify(loaded.session)) return loaded.session;
        const sealed = records.seal(next);
        if (!(await store.replace(namespace, next.id, loaded.sealed, sealed, remainingMs(next, now())))) continue;
        known(next, sealed);
        await store.events.publish({ kind: 'session-changed', id: next.id });
        return next;
      }
      throw new GatewayError('store-unavailable', 'could not update a session: others kept writing it');
    },
    end,
    endUser: async (user, reason, exceptId) => {
      const ids = await store.index.members(userSet(user));
      const ended = await Promise.all(ids.filter((id) => id !== exceptId).map((id) => end(id, reason)));
      return ended.filter(Boolean).length;
    },
    endHandle: async (handle, reason) => {
      const bearers = await readMany(await store.index.members(handleSet(handle)));
      const ended = await Promise.all(
        bearers.map(async (session) => ((await end(session.id, reason)) ? session : null)),
      );
      return ended.filter((session) => session !== null);
    },
    list: async (user) => readMany(await store.index.members(userSet(user))),
    listAll: async function* () {
      if (keyv.iterator === undefined) throw new GatewayError('internal', 'the store can not list its records');
      const entries: AsyncIterable<unknown> = keyv.iterator({});
      for await (const entry of entries) {
        if (!Array.isArray(entry) || typeof entry[0] !== 'string') continue;
        const session = records.open(entry[0], entry[1]);
        if (session !== null && isLive(session, now())) yield session;
      }
    },
    onEnded: (hear) => subscribe(endListeners, { hear }),
    onDoubt: (hear) => subscribe(doubtListeners, { hear }),
  };
}
