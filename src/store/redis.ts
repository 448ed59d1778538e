import type { Keyv } from 'keyv';
import type { Runtime } from '../runtime.ts';
import { createNamespace, writeValue } from './keyv.ts';
import type { RecordStore } from './keyv.ts';
import { connectRedis } from './redis-connection.ts';
import { createRedisCounters } from './redis-counters.ts';
import { createRedisEvents } from './redis-events.ts';
import { createRedisIndex } from './redis-index.ts';
import { createRedisRecords } from './redis-records.ts';
import { readRedisUrl } from './redis-url.ts';
import type { Store } from './store.ts';

/** A store in Redis: one server, Cluster or Sentinel. Throws `config-invalid` and `store-unavailable`. */
export async function createRedisStore(url: string, runtime: Runtime): Promise<Store> {
  const address = readRedisUrl(url);
  const redis = await connectRedis(address, runtime.log);
  const prefix = `${address.namespace}:`;
  const namespaces = new Map<string, { readonly records: RecordStore; readonly keyv: Keyv }>();
  const namespace = (name: string): { readonly records: RecordStore; readonly keyv: Keyv } => {
    const known = namespaces.get(name);
    if (known !== undefined) return known;
    const records = createRedisRecords(redis, `${prefix}record:${name}`);
    const made = { records, keyv: createNamespace(records, name) };
    namespaces.set(name, made);
    return made;
  };
  const events = createRedisEvents(redis, prefix, runtime);

  return {
    kind: 'redis',
    namespace: (name) => namespace(name).keyv,
    replace: (name, key, expected, value, ttlMs) =>
      namespace(name).records.replace(key, writeValue(expected), writeValue(value), ttlMs),
    add: (name, key, value, ttlMs) => namespace(name).records.add(key, writeValue(value), ttlMs),
    counters: createRedisCounters(redis, `${prefix}count:`, runtime.now),
    index: createRedisIndex(redis, `${prefix}set:`, runtime.now),
    events,
    check: async () => {
      await redis.attempt('read', () => redis.get(`${prefix}check`));
    },
    close: async () => {
      events.stop();
      await redis.close();
    },
  };
}
