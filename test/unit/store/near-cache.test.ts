import test from 'ava';
import { createNearCache } from '../../../src/store/near-cache.ts';

interface Thing {
  readonly name: string;
  readonly value: number;
}

function setUp() {
  const clock = { nowMs: 1_000 };
  const cache = createNearCache<Thing>({
    maxEntries: 3,
    maxAgeMs: 100,
    now: () => clock.nowMs,
    nameOf: ({ name }) => name,
  });
  return { clock, cache };
}

test('believes a value until its age, and remembers it for comparing after that', (t) => {
  const { clock, cache } = setUp();
  const thing = { name: 'n', value: 1 };
  cache.set('k', thing);
  clock.nowMs += 99;
  t.is(cache.get('k'), thing);
  clock.nowMs += 1;
  t.is(cache.get('k'), undefined);
  t.is(cache.peek('k'), thing);
});

test('believes nothing from the future when the clock was set back', (t) => {
  const { clock, cache } = setUp();
  cache.set('k', { name: 'n', value: 1 });
  clock.nowMs -= 1;
  t.is(cache.get('k'), undefined);
});

test('lets the least recently used go first', (t) => {
  const { cache } = setUp();
  for (const key of ['a', 'b', 'c']) cache.set(key, { name: key, value: 1 });
  cache.get('a');
  cache.set('d', { name: 'd', value: 1 });
  t.is(cache.size(), 3);
  t.is(cache.get('b'), undefined);
  for (const key of ['a', 'c', 'd']) t.truthy(cache.get(key), key);
});

test('finds a value by its second name when it must go or be renewed', (t) => {
  const { clock, cache } = setUp();
  cache.set('k', { name: 'n', value: 1 });
  clock.nowMs += 90;
  cache.renew({ name: 'n', value: 2 });
  clock.nowMs += 90;
  t.is(cache.get('k')?.value, 2);
  cache.deleteNamed('n');
  t.is(cache.peek('k'), undefined);
  cache.renew({ name: 'n', value: 3 });
  t.is(cache.size(), 0);
  cache.deleteNamed('never there');
});

test('keeps no names of values that went', (t) => {
  const { cache } = setUp();
  for (let count = 0; count < 1_000; count += 1) cache.set(`k${count}`, { name: `n${count}`, value: count });
  t.is(cache.size(), 3);
  cache.deleteNamed('n1');
  t.is(cache.size(), 3);
  cache.clear();
  t.is(cache.size(), 0);
});
