import test from 'ava';
import { readDurationMs } from '../../src/quantities.ts';

test('reads durations with their units into milliseconds', (t) => {
  t.is(readDurationMs('250ms'), 250);
  t.is(readDurationMs('30s'), 30_000);
  t.is(readDurationMs('15m'), 900_000);
  t.is(readDurationMs('12h'), 43_200_000);
  t.is(readDurationMs('30d'), 2_592_000_000);
  t.is(readDurationMs('0'), 0);
});

test('refuses text that is no duration', (t) => {
  for (const text of ['', '30', '-1s', '1.5h', '30 s', 's', '1e3s', '10M']) t.is(readDurationMs(text), undefined, text);
});
