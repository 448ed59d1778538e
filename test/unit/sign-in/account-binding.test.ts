import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createAccountBindings } from '../../../src/sign-in/account-binding.ts';
import { openStore } from '../../../src/store/open.ts';
import { createTestRuntime } from '../../support/runtime.ts';

async function setUp(listed: string[] = []) {
  const runtime = createTestRuntime(Date.now());
  const secret = randomBytes(32);
  const store = await openStore({ url: 'memory:', secret, runtime });
  const directory = { find: (user: string) => (listed.includes(user) ? ({} as never) : null) };
  return { store, listed, bindings: createAccountBindings({ store, secret, directory, runtime }) };
}

const local = (user: string) => ({ user, issuer: 'local', subject: user });
const corp = (user: string, subject = '1') => ({ user, issuer: 'https://id.test', subject });

test('the first person who comes under a name owns it, whatever others are called', async (t) => {
  const { bindings, store } = await setUp();
  t.true(await bindings.claim(corp('alice')));
  t.true(await bindings.claim(corp('alice')));
  t.false(await bindings.claim(corp('alice', '2')));
  t.false(await bindings.claim({ ...corp('alice'), issuer: 'https://other.test' }));
  t.false(await bindings.claim({ ...corp('alice'), issuer: 'https://id.test/' }));
  t.true(await bindings.claim(corp('bob', '2')));
  await store.close();
});

test('names of the users file are the local users’, before and after somebody else had them', async (t) => {
  const { bindings, listed, store } = await setUp(['alice']);
  t.false(await bindings.claim(corp('alice')));
  t.true(await bindings.claim(local('alice')));
  t.true(await bindings.claim(corp('bob')));
  listed.push('bob');
  t.false(await bindings.claim(corp('bob')));
  t.true(await bindings.claim(local('bob')));
  listed.length = 0;
  t.false(await bindings.claim(corp('alice')), 'a name does not fall free with its entry in the file');
  t.false(await bindings.claim(local('alice')), 'nobody is local who is not in the file');
  await store.close();
});

test('a released name is the next one’s who comes', async (t) => {
  const { bindings, store } = await setUp();
  t.false(await bindings.release('alice'));
  await bindings.claim(corp('alice'));
  t.true(await bindings.release('alice'));
  t.true(await bindings.claim(corp('alice', '2')));
  t.false(await bindings.claim(corp('alice')));
  await store.close();
});

test('of many who come for one name at once exactly one person gets it', async (t) => {
  const { bindings, store } = await setUp();
  const subjects = Array.from({ length: 20 }, (_, index) => String(index % 4));
  const claims = await Promise.all(subjects.map((subject) => bindings.claim(corp('alice', subject))));
  t.is(new Set(subjects.filter((_, index) => claims[index])).size, 1);
  await store.close();
});

test('neither name nor person stands readable in the store', async (t) => {
  const { bindings, store } = await setUp();
  await bindings.claim(corp('alice', 'subject-of-alice'));
  const seen: unknown[] = [];
  for await (const entry of store.namespace('account').iterator?.({}) as AsyncIterable<unknown>) seen.push(entry);
  t.is(seen.length, 1);
  t.notRegex(JSON.stringify(seen), /alice|id\.test/);
  await store.close();
});
