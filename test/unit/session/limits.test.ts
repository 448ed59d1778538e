import test from 'ava';
import { touchEveryMs } from '../../../src/session/limits.ts';

test('a session is written anew every thirtieth of its idle timeout, between a minute and five', (t) => {
  const minutes = (idle: number) => touchEveryMs({ idleTimeoutMs: idle * 60_000 }) / 60_000;
  t.deepEqual([20, 30, 60, 90, 150, 43_200].map(minutes), [1, 1, 2, 3, 5, 5]);
});

test('a short idle timeout is slid often enough not to end a busy session', (t) => {
  t.is(touchEveryMs({ idleTimeoutMs: 60_000 }), 6_000);
  t.is(touchEveryMs({ idleTimeoutMs: 600_000 }), 60_000);
});
