import test from 'ava';
import { readBasicCredentials } from '../../../src/authentication/basic-credentials.ts';
import { createBasicAuthenticator } from '../../../src/authentication/basic.ts';
import { createVerifiedCache } from '../../../src/authentication/verified-cache.ts';
import { GatewayError } from '../../../src/errors.ts';
import type { RawHeader } from '../../../src/request/facts.ts';
import { createThrottle } from '../../../src/sign-in/throttle.ts';
import { createTestCounters } from '../../support/counters.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

function setUp() {
  const runtime = createTestRuntime();
  const asked: [string, string][] = [];
  const directory = { revision: 1 };
  const control = { error: null as Error | null, groups: ['users'] };
  const throttle = createThrottle({
    counters: createTestCounters(runtime.now),
    config: { failures: 3, withinMs: 300_000, lockForMs: 600_000 },
    runtime,
  });
  const authenticate = createBasicAuthenticator({
    verify: async (user, password) => {
      asked.push([user, password]);
      await Promise.resolve();
      if (control.error) throw control.error;
      if (user !== 'alice' || password !== 'right') return { kind: 'refused', reason: 'wrong-password' };
      const identity = {
        user,
        name: '',
        email: '',
        groups: control.groups,
        claims: {},
        method: 'local',
        issuer: 'local',
        subject: user,
      };
      return { kind: 'verified', identity };
    },
    throttle,
    directory,
    runtime,
  });
  const ask = async (authorization: string | readonly string[] | null, more: { address?: string } = {}) => {
    const values = authorization === null ? [] : typeof authorization === 'string' ? [authorization] : authorization;
    const headers = values.map((value): RawHeader => ['Authorization', value]);
    const facts = makeFacts({ headers, ...(more.address === undefined ? {} : { clientAddress: more.address }) });
    return authenticate(facts, { acceptBasic: true, acceptTokens: true });
  };
  return { ask, authenticate, asked, directory, control, runtime, throttle };
}

test('takes a user name and a password, and consumes the header', async (t) => {
  const { ask, runtime } = setUp();
  const answer = await ask(basic('alice:right'));
  t.is(answer.kind, 'authenticated');
  if (answer.kind !== 'authenticated') return;
  t.is(answer.identity.user, 'alice');
  t.is(answer.session, null);
  t.true(answer.consumesAuthorization);
  t.false(answer.secondFactor);
  t.is(answer.authenticatedAtMs, runtime.now());
});

test('has no word on routes that do not accept it, without the header, and for other schemes', async (t) => {
  const { ask, authenticate, asked } = setUp();
  const facts = makeFacts({ headers: [['Authorization', basic('alice:right')]] });
  t.deepEqual(await authenticate(facts, { acceptBasic: false, acceptTokens: true }), { kind: 'none' });
  for (const other of [null, 'Bearer x', 'Basicx y', 'Digest username="alice"', ''])
    t.deepEqual(await ask(other), { kind: 'none' }, String(other));
  t.deepEqual(asked, []);
});

test('reads the scheme in any case and the credentials in one way', (t) => {
  const read = (...values: string[]) =>
    readBasicCredentials({ headers: values.map((value): RawHeader => ['authorization', value]) });
  const alice = { kind: 'credentials', user: 'alice', password: 'right' } as const;
  t.deepEqual(read(basic('alice:right')), alice);
  t.deepEqual(read('bAsIC YWxpY2U6cmlnaHQ='), alice);
  t.deepEqual(read('Basic   YWxpY2U6cmlnaHQ='), alice);
  t.deepEqual(read('Basic YWxpY2U6cmlnaHQ'), alice);
  t.deepEqual(read(basic('alice:a:b:')), { kind: 'credentials', user: 'alice', password: 'a:b:' });
  t.deepEqual(read(basic('zoë: pä🔑 ')), { kind: 'credentials', user: 'zoë', password: ' pä🔑 ' });
  t.deepEqual(read(basic(':')), { kind: 'credentials', user: '', password: '' });
  const malformed = [
    'Basic',
    'Basic ',
    'Basic\tYWxpY2U6cmlnaHQ=',
    'Basic YWxpY2U6cmlnaHQ= ',
    'Basic YWxpY2U6cmlnaHQ==',
    'Basic YWxpY2U6 cmlnaHQ=',
    'Basic YWxpY2U6cmlnaHR=',
    'Basic YWxpY2U6cmlnaH-_',
    'Basic !!!!',
    'Basic x',
    basic('no colon'),
    `Basic ${Buffer.from('alice:\xe9', 'latin1').toString('base64')}`,
    `Basic ${Buffer.from(`alice:${'x'.repeat(8_192)}`).toString('base64')}`,
  ];
  for (const value of malformed) t.deepEqual(read(value), { kind: 'malformed' }, value.slice(0, 40));
  t.deepEqual(read(basic('alice:right'), 'Bearer x'), { kind: 'malformed' });
  t.deepEqual(read('Bearer x', basic('alice:right')), { kind: 'malformed' });
});

test('rejects what is malformed without asking anybody', async (t) => {
  const { ask, asked } = setUp();
  const answer = await ask('Basic !!!');
  t.is(answer.kind === 'rejected' && answer.reason, 'malformed-credentials');
  t.deepEqual(asked, []);
});

test('every spelling of a name is one user and shares one count', async (t) => {
  const { ask, asked } = setUp();
  t.is((await ask(basic('ALICE:right'))).kind, 'authenticated');
  t.is((await ask(basic(' alice :right'))).kind, 'authenticated');
  t.deepEqual(asked, [['alice', 'right']], 'the second is the same user with the same password');
  for (const name of ['Alice', 'ａｌｉｃｅ', ' alice']) t.is((await ask(basic(`${name}:wrong`))).kind, 'rejected');
  const locked = await ask(basic('alice:right'), { address: '192.0.2.99' });
  t.is(locked.kind === 'rejected' && locked.reason, 'throttled');
  t.is(locked.kind === 'rejected' && locked.retryAfterSeconds, 600);
});

test('shares its count with every other channel of the throttle', async (t) => {
  const { ask, throttle } = setUp();
  for (let i = 0; i < 2; i += 1) await ask(basic('alice:wrong'));
  const form = await throttle.reserve({ user: 'alice', address: '198.51.100.1' });
  if (form.kind === 'reserved') await form.settle('wrong');
  t.is((await ask(basic('alice:right'))).kind, 'rejected');
});

test('an empty password and an impossible name count as tries and reach no method', async (t) => {
  const { ask, asked } = setUp();
  for (let i = 0; i < 3; i += 1) t.is((await ask(basic('alice:'))).kind, 'rejected');
  t.is((await ask(basic('a\u0000b:right'))).kind, 'rejected');
  t.is((await ask(basic(':right'))).kind, 'rejected');
  t.deepEqual(asked, []);
  const locked = await ask(basic('alice:right'));
  t.is(locked.kind === 'rejected' && locked.reason, 'throttled');
});

test('compares a password once a minute, and once for requests that come together', async (t) => {
  const { ask, asked, runtime } = setUp();
  const together = await Promise.all(Array.from({ length: 50 }, () => ask(basic('alice:right'))));
  t.true(together.every(({ kind }) => kind === 'authenticated'));
  t.is(asked.length, 1);
  runtime.advance(59_999);
  await ask(basic('alice:right'));
  t.is(asked.length, 1);
  runtime.advance(1);
  await ask(basic('alice:right'));
  t.is(asked.length, 2);
});

test('a verified password says nothing about another one, another user or another address', async (t) => {
  const { ask, asked } = setUp();
  await ask(basic('alice:right'));
  t.is((await ask(basic('alice:Right'))).kind, 'rejected');
  t.is((await ask(basic('bob:right'))).kind, 'rejected');
  t.is((await ask(basic('alice:right'), { address: '192.0.2.8' })).kind, 'authenticated');
  t.is(asked.length, 4);
});

test('while an account is locked, programs that are at work go on, and no guess from elsewhere is told to be right', async (t) => {
  const { ask, asked } = setUp();
  await ask(basic('alice:right'), { address: '192.0.2.1' });
  for (let i = 0; i < 3; i += 1) await ask(basic(`alice:guess${i}`), { address: '203.0.113.1' });
  t.is((await ask(basic('alice:right'), { address: '203.0.113.1' })).kind, 'rejected');
  t.is((await ask(basic('alice:right'), { address: '192.0.2.1' })).kind, 'authenticated');
  t.is(asked.length, 4);
});

test('forgets verified passwords when the users change', async (t) => {
  const { ask, asked, directory, control } = setUp();
  await ask(basic('alice:right'));
  directory.revision = 2;
  control.groups = [];
  const answer = await ask(basic('alice:right'));
  t.deepEqual(answer.kind === 'authenticated' && answer.identity.groups, []);
  t.is(asked.length, 2);
});

test('throws when too many passwords wait, and counts no failure', async (t) => {
  const { ask, control } = setUp();
  control.error = new GatewayError('sign-in-busy', 'too many');
  for (let i = 0; i < 10; i += 1) await t.throwsAsync(ask(basic('alice:right')), { code: 'sign-in-busy' });
  control.error = null;
  t.is((await ask(basic('alice:right'))).kind, 'authenticated');
});

test('logs failed tries for the auditor, without the password', async (t) => {
  const { ask, runtime } = setUp();
  await ask(basic('alice:wrong-one'));
  const line = runtime.lines.find(({ event }) => event === 'sign-in.failed');
  t.like(line?.fields, { audit: true, user: 'alice', method: 'basic', address: '192.0.2.7', requestId: 'request-1' });
  t.false(JSON.stringify(runtime.lines).includes('wrong-one'));
});

test('the cache holds so many entries and drops the oldest, the expired and those of older users', (t) => {
  let now = 0;
  const cache = createVerifiedCache<string>({ maxEntries: 2, now: () => now });
  cache.put('a', 'A', 1, 100);
  cache.put('b', 'B', 1, 100);
  cache.put('c', 'C', 1, 100);
  t.is(cache.size(), 2);
  t.is(cache.get('a', 1), undefined);
  t.is(cache.get('c', 1), 'C');
  now = 100;
  t.is(cache.get('c', 1), undefined);
  cache.put('d', 'D', 1, 200);
  t.is(cache.get('d', 2), undefined);
  cache.put('e', 'E', 1, 200);
  t.is(cache.get('e', 2), undefined, 'verified before the users changed');
});
