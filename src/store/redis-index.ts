import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { SetIndex } from './store.ts';

// ARGV: member, its end, now. The set ends with its last member.
const add = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
local left = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2]) - tonumber(ARGV[3]), 1)
return redis.call('PEXPIRE', KEYS[1], string.format('%.0f', left))`;
const remove = `return redis.call('ZREM', KEYS[1], ARGV[1])`;
const members = `return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')`;

/** Sets in Redis: sorted by the end of each member. */
export function createRedisIndex(redis: RedisConnection, prefix: string, now: Runtime['now']): SetIndex {
  return {
    add: async (set, member, expiresAtMs) => {
      const args = [member, String(Math.ceil(expiresAtMs)), String(Math.floor(now()))];
      await redis.attempt('add to a set', () => redis.run(add, prefix + set, args));
    },
    remove: async (set, member) => {
      await redis.attempt('remove from a set', () => redis.run(remove, prefix + set, [member]));
    },
    members: (set) =>
      redis.attempt('read a set', async () => {
        const reply = await redis.run(members, prefix + set, [String(Math.floor(now()))]);
        if (!Array.isArray(reply))
          throw new GatewayError('store-unavailable', 'could not read a set: redis answered oddly');
        return reply.map(String);
      }),
  };
}
