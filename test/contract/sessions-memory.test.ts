import test from 'ava';
import { sessionContract } from './session-contract.ts';

sessionContract(test, 'memory');
