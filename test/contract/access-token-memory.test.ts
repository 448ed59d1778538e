import test from 'ava';
import { accessTokenContract } from './access-token-contract.ts';

accessTokenContract(test, 'memory');
