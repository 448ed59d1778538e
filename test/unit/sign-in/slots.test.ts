import test from 'ava';
import { createSlots } from '../../../src/sign-in/slots.ts';

test('gives slots in order of arrival, each key for itself', async (t) => {
  const slots = createSlots({ maxWaiting: 10 });
  const order: string[] = [];
  const first = await slots.acquire('a', 1, 10_000);
  const second = slots.acquire('a', 1, 10_000).then((free) => {
    order.push('second');
    return free;
  });
  const third = slots.acquire('a', 1, 10_000).then((free) => {
    order.push('third');
    return free;
  });
  t.truthy(await slots.acquire('b', 1, 10_000));
  t.deepEqual(order, []);
  first?.();
  first?.();
  const free = await second;
  t.deepEqual(order, ['second']);
  free?.();
  (await third)?.();
  t.deepEqual(order, ['second', 'third']);
  t.truthy(await slots.acquire('a', 1, 0));
});

test('turns away who waits too long, and at once when too many wait', async (t) => {
  const slots = createSlots({ maxWaiting: 1 });
  const free = await slots.acquire('a', 1, 10_000);
  const waiting = slots.acquire('a', 1, 20);
  t.is(await slots.acquire('a', 1, 10_000), null);
  t.is(await waiting, null);
  free?.();
  t.truthy(await slots.acquire('a', 1, 0));
});
