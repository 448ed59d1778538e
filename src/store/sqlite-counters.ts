import type { Runtime } from '../runtime.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { CounterStore } from './store.ts';

/** Counters in SQLite: one statement an addition, so that no two processes ever see the same count. */
export function createSqliteCounters(file: SqliteFile, now: Runtime['now']): CounterStore {
  // In `do update`, bare n and e are those of the row that stands there; a window that is over starts anew.
  const raise = file.prepare(`
    insert into counters (k, n, e) values (:key, :by, :ends)
    on conflict do update set
      n = case when e <= :now then :by else n + :by end,
      e = case when e <= :now then :ends else e end
    returning n, e`);
  const lower = file.prepare('update counters set n = max(n + :by, 0) where k = :key and e > :now returning n, e');
  const select = file.prepare('select n, e from counters where k = ? and e > ?');
  const remove = file.prepare('delete from counters where k = ?');

  return {
    add: async (key, by, windowMs) =>
      file.attempt('count', () => {
        const nowMs = now();
        const ends = Math.ceil(nowMs + windowMs);
        const row = by > 0 ? raise.get({ key, by, ends, now: nowMs }) : lower.get({ key, by, now: nowMs });
        // Nothing to take from: a missing count is 0 and stays missing.
        return row === undefined
          ? { count: 0, endsAtMs: ends }
          : { count: Number(row['n']), endsAtMs: Number(row['e']) };
      }),
    get: async (key) =>
      file.attempt('read a count', () => {
        const row = select.get(key, now());
        return row === undefined ? null : { count: Number(row['n']), endsAtMs: Number(row['e']) };
      }),
    clear: async (key) => {
      file.attempt('clear a count', () => remove.run(key));
    },
  };
}
