import type { TestFn } from 'ava';
import type { StoreEvent, StoreNews } from '../../src/store/store.ts';
import { eventually } from '../support/programs.ts';
import { createStoreWorld } from './stores.ts';
import type { StoreKind, StoreWorld } from './stores.ts';

/** What every kind of store must do. */
export function storeContract(test: TestFn, kind: StoreKind): void {
  let world: StoreWorld;
  test.before(async () => {
    world = await createStoreWorld(kind);
  });
  test.after.always(() => world.end());

  test.serial('keeps a value until it is deleted', async (t) => {
    const keyv = (await world.open()).namespace('kept');
    t.is(await keyv.get('a'), undefined);
    await keyv.set('a', 'one', 60_000);
    await keyv.set('b', { nested: ['ü'] });
    t.is(await keyv.get('a'), 'one');
    t.deepEqual(await keyv.get('b'), { nested: ['ü'] });
    t.true(await keyv.has('a'));
    t.true(await keyv.delete('a'));
    t.is(await keyv.get('a'), undefined);
    t.false(await keyv.has('a'));
  });

  test.serial('answers a delete with true to exactly one of several callers', async (t) => {
    const [one, other] = [await world.open(), await world.open()];
    const keyvs = world.shared ? [one, other] : [one, one];
    await one.namespace('once').set('k', 'v');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => keyvs[index % 2]!.namespace('once').delete('k')),
    );
    t.is(answers.filter(Boolean).length, 1);
  });

  test.serial('forgets a value at its end', async (t) => {
    const keyv = (await world.open()).namespace('ends');
    await keyv.set('short', 'v', 100);
    await keyv.set('long', 'v', 400 * 86_400_000);
    await world.pass(200);
    t.is(await keyv.get('short'), undefined);
    t.false(await keyv.has('short'));
    t.false(await keyv.delete('short'));
    t.is(await keyv.get('long'), 'v');
  });

  test.serial('keeps namespaces apart, also where one name could match the other', async (t) => {
    const store = await world.open();
    const [like, plain] = [store.namespace('a_b'), store.namespace('axb')];
    await like.set('k', 'like');
    await plain.set('k', 'plain');
    await plain.set('a_b::k', 'nested');
    await like.clear();
    t.is(await like.get('k'), undefined);
    t.is(await plain.get('k'), 'plain');
    t.is(await plain.get('a_b::k'), 'nested');
  });

  test.serial('takes any text as a key', async (t) => {
    const keyv = (await world.open()).namespace('odd');
    const keys = ['__proto__', 'constructor', '', '*', '../x', '\u0000', 'odd::x', 'x'.repeat(4096), '😀', "'; --"];
    for (const key of keys) t.is(await keyv.get(key), undefined, key);
    for (const key of keys) await keyv.set(key, `value of ${key}`);
    for (const key of keys) t.is(await keyv.get(key), `value of ${key}`);
  });

  test.serial('lists every live value of one namespace', async (t) => {
    const store = await world.open();
    const keyv = store.namespace('listed');
    await store.namespace('listed2').set('stranger', 'x');
    await Promise.all(Array.from({ length: 450 }, (_, index) => keyv.set(`k${index}`, index)));
    const found = new Map<unknown, unknown>();
    for await (const [key, value] of keyv.iterator!({})) found.set(key, value);
    t.is(found.size, 450);
    t.is(found.get('k449'), 449);
  });

  test.serial('replaces a value only while it is still the expected one', async (t) => {
    const store = await world.open();
    const keyv = store.namespace('swap');
    t.false(await store.replace('swap', 'k', 'one', 'two', 60_000));
    t.is(await keyv.get('k'), undefined);
    await keyv.set('k', 'one', 60_000);
    t.false(await store.replace('swap', 'k', 'other', 'two', 60_000));
    t.is(await keyv.get('k'), 'one');
    t.true(await store.replace('swap', 'k', 'one', 'two', 60_000));
    t.is(await keyv.get('k'), 'two');
    await keyv.delete('k');
    t.false(await store.replace('swap', 'k', 'two', 'three', 60_000));
    t.is(await keyv.get('k'), undefined);
  });

  test.serial('adds a value only where nothing stands, for exactly one of many', async (t) => {
    const [one, other] = [await world.open(), await world.open()];
    const stores = world.shared ? [one, other] : [one, one];
    const values = Array.from({ length: 20 }, (_, index) => `value ${index}`);
    const added = await Promise.all(values.map((value, index) => stores[index % 2]!.add('once', 'k', value, 60_000)));
    t.is(added.filter(Boolean).length, 1);
    t.is(await one.namespace('once').get('k'), values[added.indexOf(true)]);
    t.false(await one.add('once', 'k', 'late', 60_000));
    t.true(await one.add('once', 'short', 'first', 100));
    await world.pass(200);
    t.true(await one.add('once', 'short', 'second', 60_000));
    t.is(await one.namespace('once').get('short'), 'second');
  });

  test.serial('gives a replaced value its new end', async (t) => {
    const store = await world.open();
    const keyv = store.namespace('swap-end');
    await keyv.set('k', 'one', 60_000);
    t.true(await store.replace('swap-end', 'k', 'one', 'two', 100));
    await world.pass(200);
    t.is(await keyv.get('k'), undefined);
    t.false(await store.replace('swap-end', 'k', 'two', 'three', 60_000));
  });

  test.serial('counts without losing one, by all processes together', async (t) => {
    const [one, other] = [await world.open(), await world.open()];
    const stores = world.shared ? [one, other] : [one, one];
    const counts = await Promise.all(
      Array.from({ length: 40 }, (_, index) => stores[index % 2]!.counters.add('together', 1, 60_000)),
    );
    t.deepEqual(
      counts.map(({ count }) => count).toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  test.serial('starts the window with the first addition, and never counts below 0', async (t) => {
    const { counters } = await world.open();
    t.is(await counters.get('w'), null);
    const startMs = world.runtime.now();
    const first = await counters.add('w', 2, 60_000);
    t.is(first.count, 2);
    t.true(Math.abs(first.endsAtMs - startMs - 60_000) < 1_000);
    const second = await counters.add('w', 1, 600_000);
    t.is(second.count, 3);
    t.true(Math.abs(second.endsAtMs - first.endsAtMs) < 50);
    t.is((await counters.add('w', -10, 60_000)).count, 0);
    t.is((await counters.add('never', -1, 60_000)).count, 0);
    t.is((await counters.add('w', 1, 60_000)).count, 1);
    t.is((await counters.get('w'))?.count, 1);
    await counters.clear('w');
    t.is(await counters.get('w'), null);
  });

  test.serial('begins a new count after the window', async (t) => {
    const { counters } = await world.open();
    await counters.add('short', 5, 100);
    await world.pass(200);
    t.is(await counters.get('short'), null);
    t.is((await counters.add('short', 1, 60_000)).count, 1);
  });

  test.serial('keeps members of a set until they are removed or end', async (t) => {
    const { index } = await world.open();
    const nowMs = world.runtime.now();
    await index.add('s', 'short', nowMs + 100);
    await index.add('s', 'long', nowMs + 60_000);
    await index.add('s', 'gone', nowMs + 60_000);
    await index.add('other', 'stranger', nowMs + 60_000);
    await index.remove('s', 'gone');
    await index.remove('s', 'never there');
    t.deepEqual([...(await index.members('s'))].toSorted(), ['long', 'short']);
    await world.pass(200);
    t.deepEqual(await index.members('s'), ['long']);
    await index.add('s', 'long', nowMs + 120_000);
    t.deepEqual(await index.members('s'), ['long']);
    t.deepEqual(await index.members('empty'), []);
  });

  test.serial('tells events to every subscriber, to those of its own process before publish resolves', async (t) => {
    const [one, other] = [await world.open(), await world.open()];
    const heard: StoreNews[] = [];
    const heardThere: StoreNews[] = [];
    const keepIn = (list: StoreNews[]) => (news: StoreNews) => void (news.kind === 'missed' || list.push(news));
    one.events.subscribe(keepIn(heard));
    const unsubscribe = other.events.subscribe(keepIn(heardThere));
    await eventually('both channels stand', async () => one.events.isCurrent() && other.events.isCurrent());
    const event: StoreEvent = { kind: 'session-ended', id: 'abc' };
    await one.events.publish(event);
    t.deepEqual(heard, [event]);
    if (!world.shared) return;
    await eventually('the other process hears', async () => heardThere.length > 0, { timeoutMs: 1_000 });
    t.deepEqual(heardThere, [event]);
    unsubscribe();
    await one.events.publish({ kind: 'session-changed', id: 'def' });
    t.true(other.events.isCurrent());
    t.is(heardThere.length, 1);
  });

  test.serial('answers check while it works', async (t) => {
    await t.notThrowsAsync((await world.open()).check());
  });
}
