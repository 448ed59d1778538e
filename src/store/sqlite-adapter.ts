import type { Runtime } from '../runtime.ts';
import type { RecordStore } from './keyv.ts';
import type { SqliteFile } from './sqlite-file.ts';

const pageSize = 200;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * A Keyv adapter on node:sqlite for one namespace. A record past its end is not there, whether or not it has been purged.
 */
export function createSqliteAdapter(file: SqliteFile, namespace: string, now: Runtime['now']): RecordStore {
  const select = file.prepare('select v from records where ns = ? and k = ? and (e is null or e > ?)');
  const upsert = file.prepare(
    'insert into records (ns, k, v, e) values (?, ?, ?, ?) on conflict do update set v = excluded.v, e = excluded.e',
  );
  const exchange = file.prepare(
    'update records set v = ?, e = ? where ns = ? and k = ? and v = ? and (e is null or e > ?)',
  );
  // A record past its end is as good as none.
  const insert = file.prepare(
    'insert into records (ns, k, v, e) values (?, ?, ?, ?) on conflict do update set v = excluded.v, e = excluded.e where e <= ?',
  );
  const remove = file.prepare('delete from records where ns = ? and k = ? returning (e is null or e > ?) as lived');
  const removeAll = file.prepare('delete from records where ns = ?');
  const page = file.prepare(
    `select k, v from records where ns = ? and k > ? and (e is null or e > ?) order by k limit ${pageSize}`,
  );

  return {
    opts: { dialect: 'sqlite', url: 'sqlite:' },
    get: async (key) => {
      const row = file.attempt('read a record', () => select.get(namespace, key, now()));
      return row === undefined ? undefined : textOf(row['v']);
    },
    set: async (key, value, ttlMs) => {
      const end = ttlMs ? Math.ceil(now() + ttlMs) : null;
      file.attemptDurably('write a record', () => upsert.run(namespace, key, value, end));
    },
    // Not durable against a power cut: it renews what is there, and the worst is that the record ends a little earlier.
    replace: async (key, expected, value, ttlMs) =>
      file.attempt('write a record', () => {
        const end = Math.ceil(now() + ttlMs);
        return exchange.run(value, end, namespace, key, expected, now()).changes === 1;
      }),
    add: async (key, value, ttlMs) =>
      file.attemptDurably(
        'write a record',
        () => insert.run(namespace, key, value, Math.ceil(now() + ttlMs), now()).changes === 1,
      ),
    delete: async (key) =>
      file.attemptDurably('delete a record', () => remove.get(namespace, key, now())?.['lived'] === 1),
    has: async (key) => file.attempt('read a record', () => select.get(namespace, key, now()) !== undefined),
    clear: async () => {
      file.attemptDurably('clear records', () => removeAll.run(namespace));
    },
    iterator: async function* () {
      for (let last = ''; ;) {
        const rows = file.attempt('list records', () => page.all(namespace, last, now()));
        for (const row of rows) {
          last = textOf(row['k']);
          yield [last, textOf(row['v'])];
        }
        if (rows.length < pageSize) return;
        // Reading is synchronous: let requests through between pages.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
