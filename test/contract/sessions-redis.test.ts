import test from 'ava';
import { hasRedis } from '../support/redis.ts';
import { sessionContract } from './session-contract.ts';

if (hasRedis) sessionContract(test, 'redis');
else test.skip('needs redis-server on the PATH', () => undefined);
