import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createHandOvers } from '../../../src/sign-in/hand-over.ts';
import { openStore } from '../../../src/store/open.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const browser = 'b'.repeat(43);
const origin = 'https://wiki.test';
const wanted = { origin, returnTo: '/x', purpose: 'sign-in', choose: false } as const;

async function setUp() {
  const runtime = createTestRuntime(Date.now());
  const secret = randomBytes(32);
  const store = await openStore({ url: 'memory:', secret, runtime });
  return { store, handOvers: createHandOvers({ store, secret, runtime }), now: runtime.now };
}

test('a ticket becomes a code, and a code a session, each once', async (t) => {
  const { store, handOvers, now } = await setUp();
  const ticket = (await handOvers.start(browser, '192.0.2.1', wanted)) ?? '';
  t.deepEqual(await handOvers.read(ticket), { ...wanted, startedAtMs: now() });
  const codes = await Promise.all([1, 2, 3].map(() => handOvers.grant(ticket, 'session-1')));
  const [code = '', ...more] = codes.filter((one) => one !== null);
  t.deepEqual(more, []);
  t.is(await handOvers.read(ticket), null);
  const taken = await Promise.all([1, 2, 3].map(() => handOvers.redeem(code, browser, origin)));
  t.deepEqual(
    taken.filter((one) => one !== null).map((one) => one?.sessionId),
    ['session-1'],
  );
  await store.close();
});

test('a ticket is no code and a code no ticket', async (t) => {
  const { store, handOvers } = await setUp();
  const ticket = (await handOvers.start(browser, '192.0.2.1', wanted)) ?? '';
  t.is(await handOvers.redeem(ticket, browser, origin), null);
  const code = (await handOvers.grant(ticket, 'session-1')) ?? '';
  t.is(await handOvers.read(code), null);
  t.is(await handOvers.grant(code, 'session-2'), null);
  t.truthy(await handOvers.redeem(code, browser, origin));
  await store.close();
});

test('a code opens nothing in another browser or at another host, and is not used up by them', async (t) => {
  const { store, handOvers } = await setUp();
  const ticket = (await handOvers.start(browser, '192.0.2.1', wanted)) ?? '';
  const code = (await handOvers.grant(ticket, 'session-1')) ?? '';
  t.is(await handOvers.redeem(code, null, origin), null);
  t.is(await handOvers.redeem(code, 'c'.repeat(43), origin), null);
  for (const other of ['https://chat.test', 'http://wiki.test', 'https://wiki.test:8443'])
    t.is(await handOvers.redeem(code, browser, other), null, other);
  t.truthy(await handOvers.redeem(code, browser, origin));
  await store.close();
});
