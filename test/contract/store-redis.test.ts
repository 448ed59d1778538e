import test from 'ava';
import { hasRedis } from '../support/redis.ts';
import { storeContract } from './store-contract.ts';

if (hasRedis) storeContract(test, 'redis');
else test.skip('needs redis-server on the PATH', () => undefined);
