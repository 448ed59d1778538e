import test from 'ava';
import { createGrounds, declareAttacks, loadAttacks } from '../support/attack-runner.ts';

const grounds = createGrounds();
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('d'), { grounds });
