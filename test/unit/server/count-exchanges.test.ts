import test from 'ava';
import type { Completed } from '../../../src/observability/access-log.ts';
import { countExchanges } from '../../../src/server/count-exchanges.ts';
import type { Exchange } from '../../../src/server/exchange.ts';

const completed: Completed = { status: 200, reason: 'allowed', route: null, user: null };
const exchange = {} as Exchange;

test('is idle only when the last exchange has left, whatever became of it', async (t) => {
  const leaving = [Promise.withResolvers<Completed>(), Promise.withResolvers<Completed>()] as const;
  const coming = [...leaving];
  const { door, idle } = countExchanges(() => coming.shift()?.promise ?? Promise.resolve(completed));
  const answers = [door(exchange), door(exchange)];
  let isIdle = false;
  const waiting = idle().then(() => (isIdle = true));
  leaving[0].reject(new Error('the store is gone'));
  await t.throwsAsync(answers[0] ?? Promise.resolve());
  t.false(isIdle);
  leaving[1].resolve(completed);
  await answers[1];
  await waiting;
  t.true(isIdle);
});

test('is idle at once when nobody is inside', async (t) => {
  await t.notThrowsAsync(countExchanges(() => Promise.resolve(completed)).idle());
});
