import test from 'ava';
import { satisfies } from '../../../src/commands/node-version.ts';

test('tells the versions of Node that it runs on from the others', (t) => {
  const range = '^24.18.1 || >=26.5.1';
  for (const version of ['v24.18.1', 'v24.18.2', 'v24.21.0', 'v26.5.1', 'v27.0.0'])
    t.true(satisfies(version, range), version);
  for (const version of ['v20.20.2', 'v22.99.0', 'v24.18.0', 'v24.9.9', 'v25.9.0', 'v26.5.0', 'v26.4.9', '', 'x'])
    t.false(satisfies(version, range), version);
});
