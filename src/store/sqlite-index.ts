import type { Runtime } from '../runtime.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { SetIndex } from './store.ts';

/** Sets in SQLite: a row a member. */
export function createSqliteIndex(file: SqliteFile, now: Runtime['now']): SetIndex {
  const add = file.prepare('insert into members (s, m, e) values (?, ?, ?) on conflict do update set e = excluded.e');
  const remove = file.prepare('delete from members where s = ? and m = ?');
  const select = file.prepare('select m from members where s = ? and e > ?');

  return {
    add: async (set, member, expiresAtMs) => {
      file.attempt('add to a set', () => add.run(set, member, Math.ceil(expiresAtMs)));
    },
    remove: async (set, member) => {
      file.attempt('remove from a set', () => remove.run(set, member));
    },
    members: async (set) => file.attempt('read a set', () => select.all(set, now()).map((row) => String(row['m']))),
  };
}
