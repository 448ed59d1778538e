import type { Runtime } from '../runtime.ts';
import { createListeners, readEvent, writeEvent } from './listeners.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { EventChannel } from './store.ts';

const pollMs = 250;
/** Events are kept this long for other processes to read. */
export const eventsKeptMs = 600_000;
/** A process that did not look for this long (it was stopped) may have missed some. */
const surelyHeardMs = eventsKeptMs / 2;

/** An event channel that must be stopped. */
export interface SqliteEvents extends EventChannel {
  readonly stop: () => void;
}

/**
 * Events over a table that every process on the file writes to and reads from. `pragma data_version` moves when another
 * connection has committed, and costs 2 µs, so it is asked before a cached session is believed; subscribers also hear within 250 ms
 * when nobody asks.
 */
export function createSqliteEvents(file: SqliteFile, { now, randomBytes, log }: Runtime): SqliteEvents {
  const listeners = createListeners(log);
  const origin = randomBytes(9).toString('base64url');
  const insert = file.prepare('insert into events (at, origin, event) values (?, ?, ?)');
  const newer = file.prepare('select id, origin, event from events where id > ? order by id');
  const version = file.prepare('pragma data_version');
  const newest = file.prepare('select coalesce(max(id), 0) as id from events');

  let lastVersion: unknown;
  let lastId = Number(file.attempt('read events', () => newest.get())?.['id'] ?? 0);
  let lastLookMs = now();
  let lost = false;

  const collect = (): boolean => {
    const nowMs = now();
    const stood = Math.abs(nowMs - lastLookMs) > surelyHeardMs;
    try {
      const current = version.get()?.['data_version'];
      if (current !== lastVersion) {
        for (const row of newer.all(lastId)) {
          lastId = Number(row['id']);
          // Own events were told when they were published.
          if (row['origin'] === origin) continue;
          const event = readEvent(String(row['event']));
          if (event !== null) listeners.tell(event);
        }
        lastVersion = current;
      }
    } catch (error) {
      if (!lost) log.warn('store.events-lost', { error });
      lost = true;
      return false;
    }
    if (lost || stood) listeners.tell({ kind: 'missed' });
    lost = false;
    lastLookMs = nowMs;
    return true;
  };

  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };

  // Once in a turn of the event loop and a millisecond is often enough: what arrived in it was sent before the look.
  let looked: boolean | undefined;
  const forget = (): void => {
    looked = undefined;
  };
  const isCurrent = (): boolean => {
    if (looked !== undefined && now() === lastLookMs) return looked;
    if (looked === undefined) setImmediate(forget);
    return (looked = collect());
  };

  return {
    publish: async (event) => {
      listeners.tell(event);
      // A committed insert is seen by the next `data_version` of every process.
      if (file.path !== null) file.attempt('publish an event', () => insert.run(now(), origin, writeEvent(event)));
    },
    subscribe: (listener) => {
      const unsubscribe = listeners.add(listener);
      if (timer === undefined && file.path !== null) timer = setInterval(collect, pollMs).unref();
      return () => {
        unsubscribe();
        if (listeners.size() === 0) stop();
      };
    },
    isCurrent: file.path === null ? () => true : isCurrent,
    stop,
  };
}
