import test from 'ava';
import { storeContract } from './store-contract.ts';

storeContract(test, 'sqlite');
