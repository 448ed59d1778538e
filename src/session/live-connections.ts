import type { Runtime } from '../runtime.ts';
import { createNearCache } from '../store/near-cache.ts';
import { createBag } from './bag.ts';
import { remainingMs } from './limits.ts';
import type { LiveConnections, SessionStore } from './session.ts';

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

/** One connection, and what is known of its session's end. */
interface Connection {
  readonly id: string;
  readonly close: () => void;
  readonly expiresAtMs: number;
  /** When the session must be looked at again. */
  dueAtMs: number;
  takeOut: () => void;
}

/**
 * Closes connections with their session: at once when its end is heard, at its limits by one coarse timer for all of them.
 * Before an idle limit closes anything the session is read again, since other requests may have slid it; what goes through the
 * connection itself extends nothing.
 */
export function createLiveConnections({ sessions, runtime }: LiveConnectionsOptions): LiveConnections {
  const { now, log } = runtime;
  const connections = createBag<Connection>();
  const ended = createNearCache<string>({ maxEntries: maxEndedKept, maxAgeMs: endedKeptMs, now, nameOf: (id) => id });
  const checking = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const run = (close: () => void): void => {
    try {
      close();
    } catch (error) {
      log.error('connection.close-failed', { error });
    }
  };
  const closeOne = (connection: Connection): void => {
    connection.takeOut();
    run(connection.close);
  };
  const ofSession = (id: string): readonly Connection[] => connections.values().filter((one) => one.id === id);

  const check = async (id: string): Promise<void> => {
    checking.add(id);
    try {
      const session = await sessions.read(id);
      const nowMs = now();
      for (const connection of ofSession(id)) {
        if (session === null) closeOne(connection);
        else connection.dueAtMs = nowMs + remainingMs(session, nowMs);
      }
    } catch {
      // The store can't say. It usually comes back within seconds; the absolute limit holds in any case.
      for (const connection of ofSession(id)) if (now() >= connection.dueAtMs + doubtGraceMs) closeOne(connection);
    } finally {
      checking.delete(id);
    }
  };

  const tick = (): void => {
    const nowMs = now();
    const due = new Set<string>();
    for (const connection of connections.values()) {
      if (nowMs >= connection.expiresAtMs) closeOne(connection);
      else if (nowMs >= connection.dueAtMs && !checking.has(connection.id) && due.size < checksAtOnce)
        due.add(connection.id);
    }
    for (const id of due) void check(id);
    if (connections.size() === 0) stopTimer();
  };
  const stopTimer = (): void => {
    clearInterval(timer);
    timer = undefined;
  };

  const unsubscribes = [
    sessions.onEnded((id) => {
      ended.set(id, id);
      for (const connection of ofSession(id)) closeOne(connection);
    }),
    sessions.onDoubt(() => {
      const nowMs = now();
      for (const connection of connections.values()) connection.dueAtMs = Math.min(connection.dueAtMs, nowMs);
    }),
  ];

  return {
    add: (session, close) => {
      if (ended.size() > 0 && ended.get(session.id) !== undefined) {
        setImmediate(run, close);
        return () => undefined;
      }
      const { id, expiresAtMs } = session;
      const nowMs = now();
      const dueAtMs = nowMs + remainingMs(session, nowMs);
      const connection: Connection = { id, close, expiresAtMs, dueAtMs, takeOut: () => undefined };
      connection.takeOut = connections.add(connection);
      timer ??= setInterval(tick, tickMs).unref();
      return connection.takeOut;
    },
    size: connections.size,
    stop: () => {
      stopTimer();
      for (const unsubscribe of unsubscribes) unsubscribe();
    },
  };
}
