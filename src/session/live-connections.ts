import type { Runtime } from '../runtime.ts';
import { createNearCache } from '../store/near-cache.ts';
import { remainingMs } from './limits.ts';
import type { LiveConnections, Session, SessionStore } from './session.ts';

const tickMs = 500;
/** How long a connection may stand past its idle limit while the store can't say whether other requests slid it. */
const doubtGraceMs = 30_000;
/** An end that is heard between the decision and `add` is remembered this long. */
const endedKeptMs = 30_000;
const maxEndedKept = 10_000;
/** Sessions that are read at a time when all must be checked anew. */
const checksAtOnce = 50;

export interface LiveConnectionsOptions {
  readonly sessions: Pick<SessionStore, 'onEnded' | 'onDoubt' | 'read'>;
  readonly runtime: Runtime;
}

/** All connections of one session. */
interface Group {
  readonly id: string;
  readonly closers: Set<{ readonly close: () => void }>;
  readonly expiresAtMs: number;
  /** When the session must be looked at again. */
  dueAtMs: number;
  checking: boolean;
}

/**
 * Closes connections with their session: at once when its end is heard, at its limits by one coarse timer for all of them.
 * Before an idle limit closes anything the session is read again, since other requests may have slid it; what goes through the
 * connection itself extends nothing.
 */
export function createLiveConnections({ sessions, runtime }: LiveConnectionsOptions): LiveConnections {
  const { now, log } = runtime;
  const groups = new Map<string, Group>();
  const ended = createNearCache<string>({ maxEntries: maxEndedKept, maxAgeMs: endedKeptMs, now, nameOf: (id) => id });
  let size = 0;
  let timer: NodeJS.Timeout | undefined;

  const closeAll = (group: Group): void => {
    groups.delete(group.id);
    size -= group.closers.size;
    const closers = [...group.closers];
    group.closers.clear();
    for (const closer of closers) run(closer.close);
  };
  const run = (close: () => void): void => {
    try {
      close();
    } catch (error) {
      log.error('connection.close-failed', { error });
    }
  };

  const check = async (group: Group): Promise<void> => {
    group.checking = true;
    try {
      const session = await sessions.read(group.id);
      if (groups.get(group.id) !== group) return;
      if (session === null) closeAll(group);
      else group.dueAtMs = now() + remainingMs(session, now());
    } catch {
      // The store can't say. It usually comes back within seconds; the absolute limit holds in any case.
      if (now() >= group.dueAtMs + doubtGraceMs) closeAll(group);
    } finally {
      group.checking = false;
    }
  };

  const tick = (): void => {
    const nowMs = now();
    let checks = 0;
    for (const group of groups.values()) {
      if (nowMs >= group.expiresAtMs) closeAll(group);
      else if (nowMs >= group.dueAtMs && !group.checking && checks < checksAtOnce) {
        checks += 1;
        void check(group);
      }
    }
    if (groups.size === 0) stopTimer();
  };
  const stopTimer = (): void => {
    clearInterval(timer);
    timer = undefined;
  };

  const unsubscribes = [
    sessions.onEnded((id) => {
      ended.set(id, id);
      const group = groups.get(id);
      if (group !== undefined) closeAll(group);
    }),
    sessions.onDoubt(() => {
      const nowMs = now();
      for (const group of groups.values()) group.dueAtMs = Math.min(group.dueAtMs, nowMs);
    }),
  ];

  const groupOf = (session: Session): Group => {
    const existing = groups.get(session.id);
    if (existing !== undefined) return existing;
    const group: Group = {
      id: session.id,
      closers: new Set(),
      expiresAtMs: session.expiresAtMs,
      dueAtMs: now() + remainingMs(session, now()),
      checking: false,
    };
    groups.set(session.id, group);
    timer ??= setInterval(tick, tickMs).unref();
    return group;
  };

  return {
    add: (session, close) => {
      if (ended.size() > 0 && ended.get(session.id) !== undefined) {
        setImmediate(run, close);
        return () => undefined;
      }
      const group = groupOf(session);
      const closer = { close };
      group.closers.add(closer);
      size += 1;
      return () => {
        if (!group.closers.delete(closer)) return;
        size -= 1;
        if (group.closers.size === 0 && groups.get(group.id) === group) groups.delete(group.id);
      };
    },
    size: () => size,
    stop: () => {
      stopTimer();
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
}
