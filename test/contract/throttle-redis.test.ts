import test from 'ava';
import { hasRedis } from '../support/redis.ts';
import { throttleContract } from './throttle-contract.ts';

if (hasRedis) throttleContract(test, 'redis');
else test.skip('needs redis-server on the PATH', () => undefined);
