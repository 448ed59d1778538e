import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createTransactions } from '../../../src/sign-in/transaction.ts';
import { openStore } from '../../../src/store/open.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const browser = 'b'.repeat(43);
const input = { method: 'corp', purpose: 'sign-in', returnTo: '/x?y=1', fragment: '#z', remember: true } as const;

async function setUp() {
  const runtime = createTestRuntime(Date.now());
  const secret = randomBytes(32);
  const store = await openStore({ url: 'memory:', secret, runtime });
  return { runtime, store, transactions: createTransactions({ store, secret, runtime }) };
}

test('gives back what was stored, once', async (t) => {
  const { transactions, store } = await setUp();
  const started = await transactions.start(browser, '192.0.2.1', input);
  t.truthy(started);
  const { state = '' } = started ?? {};
  const taken = await Promise.all([1, 2, 3].map(() => transactions.take(state, browser, 'corp')));
  t.deepEqual(
    taken.filter((one) => one !== null),
    [started],
  );
  t.is(await transactions.take(state, browser, 'corp'), null);
  await store.close();
});

test('belongs to one browser and one method, whose own callback still works after another tried', async (t) => {
  const { transactions, store } = await setUp();
  const { state = '' } = (await transactions.start(browser, '192.0.2.1', input)) ?? {};
  t.is(await transactions.take(state, null, 'corp'), null);
  t.is(await transactions.take(state, 'c'.repeat(43), 'corp'), null);
  t.is(await transactions.take(state, browser, 'other'), null);
  for (const wrong of ['', 'x', state.slice(1), `${state}=`, state.toUpperCase()])
    t.is(await transactions.take(wrong, browser, 'corp'), null, wrong);
  t.truthy(await transactions.take(state, browser, 'corp'));
  await store.close();
});

test('every secret is new at each start', async (t) => {
  const { transactions, store } = await setUp();
  const seen = new Set<string>();
  for (let count = 0; count < 10; count += 1) {
    const one = await transactions.start(browser, '192.0.2.1', input);
    for (const secret of [one?.state, one?.nonce, one?.verifier]) {
      t.regex(secret ?? '', /^[A-Za-z0-9_-]{43}$/);
      seen.add(secret ?? '');
    }
  }
  t.is(seen.size, 30);
  await store.close();
});

test('a browser keeps its newest twenty; older ones are forgotten', async (t) => {
  const { runtime, transactions, store } = await setUp();
  const states: string[] = [];
  for (let count = 0; count < 50; count += 1) {
    runtime.advance(1);
    states.push((await transactions.start(browser, '192.0.2.1', input))?.state ?? '');
  }
  let kept = 0;
  for await (const _ of store.namespace('transaction').iterator?.({}) as AsyncIterable<unknown>) kept += 1;
  t.is(kept, 20);
  t.is(await transactions.take(states[0] ?? '', browser, 'corp'), null);
  for (const state of states.slice(-20)) t.truthy(await transactions.take(state, browser, 'corp'));
  await store.close();
});
