import type { Keyv } from 'keyv';
import type { Runtime } from '../runtime.ts';
import { createNamespace, writeValue } from './keyv.ts';
import type { RecordStore } from './keyv.ts';
import { createSqliteAdapter } from './sqlite-adapter.ts';
import { createSqliteCounters } from './sqlite-counters.ts';
import { createSqliteEvents } from './sqlite-events.ts';
import { openSqliteFile } from './sqlite-file.ts';
import { createSqliteIndex } from './sqlite-index.ts';
import { createSqlitePurge } from './sqlite-purge.ts';
import type { Store } from './store.ts';

/**
 * A store in one SQLite file that several processes share, or in this process's memory (`path` null).
 * Throws `store-corrupt` and `store-unavailable`.
 */
export async function createSqliteStore(path: string | null, runtime: Runtime): Promise<Store> {
  const file = await openSqliteFile(path);
  const namespaces = new Map<string, { readonly records: RecordStore; readonly keyv: Keyv }>();
  const namespace = (name: string): { readonly records: RecordStore; readonly keyv: Keyv } => {
    const known = namespaces.get(name);
    if (known !== undefined) return known;
    const records = createSqliteAdapter(file, name, runtime.now);
    const made = { records, keyv: createNamespace(records, name) };
    namespaces.set(name, made);
    return made;
  };
  const events = createSqliteEvents(file, runtime);
  const purge = createSqlitePurge(file, runtime);
  const ping = file.prepare('select 1 from records limit 1');

  return {
    kind: path === null ? 'memory' : 'sqlite',
    namespace: (name) => namespace(name).keyv,
    replace: (name, key, expected, value, ttlMs) =>
      namespace(name).records.replace(key, writeValue(expected), writeValue(value), ttlMs),
    add: (name, key, value, ttlMs) => namespace(name).records.add(key, writeValue(value), ttlMs),
    counters: createSqliteCounters(file, runtime.now),
    index: createSqliteIndex(file, runtime.now),
    events,
    check: async () => {
      file.attempt('read', () => ping.get());
    },
    close: async () => {
      events.stop();
      purge.stop();
      file.close();
    },
  };
}
