import test from 'ava';
import { upstreamConfig } from '../../../src/route/upstream/config.ts';
import { createTurns } from '../../../src/upstream/balance.ts';

test('gives targets turns by weight, and never all of one in a row', (t) => {
  const turns = createTurns();
  const upstream = upstreamConfig.parse([{ url: 'http://a', weight: 5 }, 'http://b', 'http://c']);
  const order = Array.from({ length: 14 }, () => turns(upstream).origin.slice(-1)).join('');
  t.is(order, 'aabacaaaabacaa');
});
