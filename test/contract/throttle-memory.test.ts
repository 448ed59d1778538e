import test from 'ava';
import { throttleContract } from './throttle-contract.ts';

throttleContract(test, 'memory');
