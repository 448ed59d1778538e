import test from 'ava';
import { hasRedis } from '../support/redis.ts';
import { accessTokenContract } from './access-token-contract.ts';

if (hasRedis) accessTokenContract(test, 'redis');
else test.skip('needs redis-server on the PATH', () => undefined);
