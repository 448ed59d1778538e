import type { RecordStore } from './keyv.ts';
import type { RedisConnection } from './redis-connection.ts';

const exchange = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;
const add = `
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 1 end
return 0`;
const clearBatch = 500;

/** The records of one namespace in Redis: @keyv/redis, with a deadline on every call and the conditional write. */
export function createRedisRecords(redis: RedisConnection, namespace: string): RecordStore {
  const records = redis.records(namespace);
  const pages = async function* (): AsyncGenerator<[key: string, value: string]> {
    const entries = records.iterator(namespace);
    for (;;) {
      const next = await redis.attempt('list records', () => entries.next());
      if (next.done) return;
      const [key, value] = next.value;
      // Undefined: it ended between the listing and the reading.
      if (typeof value === 'string') yield [key, value];
    }
  };
  return {
    opts: { dialect: 'redis', url: 'redis:' },
    get: (key) => redis.attempt('read a record', () => records.get<string>(key)),
    set: (key, value, ttlMs) => redis.attempt('write a record', () => records.set(key, value, ttlMs)),
    replace: (key, expected, value, ttlMs) =>
      redis.attempt('write a record', async () => {
        const args = [expected, value, String(Math.max(1, Math.ceil(ttlMs)))];
        return (await redis.run(exchange, records.createKeyPrefix(key, namespace), args)) === 1;
      }),
    add: (key, value, ttlMs) =>
      redis.attempt('write a record', async () => {
        const args = [value, String(Math.max(1, Math.ceil(ttlMs)))];
        return (await redis.run(add, records.createKeyPrefix(key, namespace), args)) === 1;
      }),
    delete: (key) => redis.attempt('delete a record', () => records.delete(key)),
    has: (key) => redis.attempt('read a record', () => records.has(key)),
    // Not the adapter's own: that one swallows errors.
    clear: async () => {
      let batch: string[] = [];
      const flush = async (): Promise<void> => {
        const keys = batch;
        batch = [];
        if (keys.length > 0) await redis.attempt('clear records', () => records.deleteMany(keys));
      };
      for await (const [key] of pages()) {
        batch.push(key);
        if (batch.length >= clearBatch) await flush();
      }
      await flush();
    },
    iterator: pages,
  };
}
