import type { Runtime } from '../runtime.ts';
import { eventsKeptMs } from './sqlite-events.ts';
import type { SqliteFile } from './sqlite-file.ts';

const everyMs = 30_000;
/** Rows a step: the event loop never waits for more. */
const stepRows = 500;
/** More counters than this are a flood of made-up names: those that end first go. */
const maxCounters = 200_000;

/** Takes away what has ended, in small steps. */
export interface SqlitePurge {
  /** Purges until nothing is left to purge; resolves with the number of rows. For the timer, and for tests. */
  readonly run: () => Promise<number>;
  readonly stop: () => void;
}

export function createSqlitePurge(file: SqliteFile, { now, log }: Runtime): SqlitePurge {
  const records = file.prepare(
    `delete from records where (ns, k) in (select ns, k from records where e <= ? limit ${stepRows})`,
  );
  const members = file.prepare(
    `delete from members where (s, m) in (select s, m from members where e <= ? limit ${stepRows})`,
  );
  const counters = file.prepare(
    `delete from counters where k in (select k from counters where e <= ? limit ${stepRows})`,
  );
  const events = file.prepare(`delete from events where id in (select id from events where at <= ? limit ${stepRows})`);
  const surplus = file.prepare(`delete from counters where k in (
    select k from counters order by e limit min(${stepRows}, max(0, (select count(*) from counters) - ${maxCounters})))`);

  let stopped = false;
  const step = (): number => {
    const nowMs = now();
    const changes = [
      records.run(nowMs),
      members.run(nowMs),
      counters.run(nowMs),
      events.run(nowMs - eventsKeptMs),
      surplus.run(),
    ];
    return changes.reduce((sum, change) => sum + Number(change.changes), 0);
  };
  const run = async (): Promise<number> => {
    let total = 0;
    while (!stopped) {
      const rows = file.attempt('purge', step);
      total += rows;
      if (rows === 0) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return total;
  };

  const timer = setInterval(() => {
    run().catch((error: unknown) => log.warn('store.purge-failed', { error }));
  }, everyMs).unref();
  return {
    run,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
