import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { CounterStore } from './store.ts';

// One script an operation: nobody comes between reading and writing. The key's own end is the end of the window.
const add = `
local by = tonumber(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  if by <= 0 then return {0, tonumber(ARGV[2])} end
  redis.call('SET', KEYS[1], by, 'PX', ARGV[2])
  return {by, tonumber(ARGV[2])}
end
local count = redis.call('INCRBY', KEYS[1], by)
if count < 0 then count = redis.call('INCRBY', KEYS[1], -count) end
return {count, redis.call('PTTL', KEYS[1])}`;
const read = `
local count = redis.call('GET', KEYS[1])
if not count then return {-1, 0} end
return {tonumber(count), redis.call('PTTL', KEYS[1])}`;
const clear = `return redis.call('DEL', KEYS[1])`;

/** Counters in Redis, a key each: `prefix` and the counter's name. */
export function createRedisCounters(redis: RedisConnection, prefix: string, now: Runtime['now']): CounterStore {
  return {
    add: (key, by, windowMs) =>
      redis.attempt('count', async () => {
        const window = String(Math.max(1, Math.ceil(windowMs)));
        const [count, leftMs] = readPair(await redis.run(add, prefix + key, [String(by), window]));
        return { count, endsAtMs: now() + leftMs };
      }),
    get: (key) =>
      redis.attempt('read a count', async () => {
        const [count, leftMs] = readPair(await redis.run(read, prefix + key, []));
        return count < 0 ? null : { count, endsAtMs: now() + leftMs };
      }),
    clear: async (key) => {
      await redis.attempt('clear a count', () => redis.run(clear, prefix + key, []));
    },
  };
}

function readPair(reply: unknown): readonly [number, number] {
  if (Array.isArray(reply) && typeof reply[0] === 'number' && typeof reply[1] === 'number') return [reply[0], reply[1]];
  throw new GatewayError('store-unavailable', 'could not count: redis answered with something else');
}
