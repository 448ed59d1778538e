import test from 'ava';
import type { AccessToken, FoundToken } from '../../../src/access-token/access-token.ts';
import { newTokenText } from '../../../src/access-token/token-text.ts';
import { createAccessTokenAuthenticator } from '../../../src/authentication/access-token.ts';
import { createOwnCredentials } from '../../../src/authentication/own-credentials.ts';
import { GatewayError } from '../../../src/errors.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import type { RawHeader } from '../../../src/request/facts.ts';
import { createThrottle } from '../../../src/sign-in/throttle.ts';
import type { DirectoryUser } from '../../../src/users/user-directory.ts';
import { createTestCounters } from '../../support/counters.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const bearer = (text: string): string => `Bearer ${text}`;
const basic = (user: string, text: string): string => `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`;

function identityOf(user: string, issuer = 'local', groups: readonly string[] = ['users']): Identity {
  return {
    user,
    name: '',
    email: '',
    groups,
    claims: {},
    method: issuer === 'local' ? 'local' : 'corp',
    issuer,
    subject: user,
  };
}

function setUp() {
  const runtime = createTestRuntime();
  const text = newTokenText(runtime.randomBytes);
  const users = new Map<string, DirectoryUser>();
  const setUser = (user: string, more: Partial<DirectoryUser> = {}): void => {
    users.set(user, { identity: identityOf(user), disabled: false, passwordHash: '', credential: 'c', ...more });
    directory.revision += 1;
  };
  const directory = {
    revision: 0,
    find: (user: string) => users.get(user) ?? null,
    remove: (user: string) => {
      users.delete(user);
      directory.revision += 1;
    },
  };
  setUser('alice');
  const token: AccessToken = {
    id: 'i'.repeat(43),
    owner: { user: 'alice', issuer: 'local', subject: 'alice' },
    name: 'laptop',
    createdAtMs: runtime.now(),
    expiresAtMs: runtime.now() + 1_000_000,
    routes: ['wiki'],
    methods: null,
  };
  const control = { found: { kind: 'found', token, owner: null } as FoundToken, error: null as Error | null };
  const marks: string[] = [];
  const ended: string[] = [];
  let finds = 0;
  const authenticate = createAccessTokenAuthenticator({
    tokens: {
      find: (sent) => {
        finds += 1;
        if (control.error) throw control.error;
        return sent === text ? control.found : { kind: sent.length === text.length ? 'unknown' : 'malformed' };
      },
      markUsed: async (_, { address }) => marks.push(address) === 1,
      end: async (id, reason) => {
        ended.push(reason);
        return { ...token, id };
      },
    },
    directory,
    throttle: createThrottle({
      counters: createTestCounters(runtime.now),
      config: { failures: 1, withinMs: 300_000, lockForMs: 600_000 },
      runtime,
    }),
    runtime,
  });
  const ask = async (authorization: string | null, acceptTokens = true) => {
    const headers: readonly RawHeader[] = authorization === null ? [] : [['Authorization', authorization]];
    return authenticate(makeFacts({ headers }), { acceptBasic: false, acceptTokens });
  };
  const reasonOf = async (authorization: string, acceptTokens = true) => {
    const answer = await ask(authorization, acceptTokens);
    return answer.kind === 'rejected' ? answer.reason : answer.kind;
  };
  return { runtime, text, token, control, directory, setUser, marks, ended, ask, reasonOf, finds: () => finds };
}

const wrongTokens = (runtime: { randomBytes: (size: number) => Buffer }, count: number): readonly string[] =>
  Array.from({ length: count }, () => newTokenText(runtime.randomBytes));

test('takes a token as Bearer, and as the password of Basic beside its owner, `token` or nobody', async (t) => {
  const { ask, text, token } = setUp();
  for (const value of [
    bearer(text),
    `bearer  ${text}`,
    ...['alice', 'ALICE', ' alice', 'token', ''].map((user) => basic(user, text)),
  ]) {
    const answer = await ask(value);
    if (answer.kind !== 'authenticated') return t.fail(value);
    const { user, method, issuer, subject, groups } = answer.identity;
    t.deepEqual([user, method, issuer, subject, groups], ['alice', 'token', 'local', 'alice', ['users']]);
    t.deepEqual(answer.limits, { routes: new Set(['wiki']), methods: null });
    t.is(answer.endsAtMs, token.expiresAtMs);
    t.true(answer.consumesAuthorization);
    t.false(answer.secondFactor);
    t.is(answer.authenticatedAtMs, 0);
  }
});

test('has no word on anything else', async (t) => {
  const { ask, text, finds } = setUp();
  const others = [
    null,
    'Bearer x',
    basic('alice', 'password'),
    basic(text, ''),
    `Digest ${text}`,
    text,
    `Bearer x${text}`,
  ];
  for (const value of others) t.deepEqual(await ask(value), { kind: 'none' }, String(value));
  t.is(finds(), 0);
});

test('a token beside somebody else’s name, or on a route for people only, is refused', async (t) => {
  const { reasonOf, text, finds } = setUp();
  for (const user of ['bob', 'alic', 'a\u0000']) t.is(await reasonOf(basic(user, text)), 'token-user-mismatch');
  const before = finds();
  t.is(await reasonOf(bearer(text), false), 'token-not-accepted');
  t.is(finds(), before);
});

test('the owner’s present state decides', async (t) => {
  const { reasonOf, ask, text, setUser, directory, ended } = setUp();
  t.is(await reasonOf(bearer(text)), 'authenticated');
  setUser('alice', { identity: identityOf('alice', 'local', ['admins']) });
  const answer = await ask(bearer(text));
  t.deepEqual(answer.kind === 'authenticated' && answer.identity.groups, ['admins']);
  setUser('alice', { disabled: true });
  t.is(await reasonOf(bearer(text)), 'user-disabled');
  t.deepEqual(ended, [], 'who is disabled may come back');
  setUser('alice');
  t.is(await reasonOf(bearer(text)), 'authenticated');
  directory.remove('alice');
  t.is(await reasonOf(bearer(text)), 'user-gone');
  t.deepEqual(ended, ['user-gone'], 'whoever bears the name next must not find it');
});

test('of an owner from elsewhere counts what the provider said last, until the users file has the name', async (t) => {
  const { reasonOf, ask, text, token, control, setUser, ended } = setUp();
  const issuer = 'https://issuer.test';
  const ofCarol = { ...token, owner: { user: 'carol', issuer, subject: 'c1' } };
  control.found = { kind: 'found', token: ofCarol, owner: identityOf('carol', issuer, ['staff']) };
  const answer = await ask(bearer(text));
  t.deepEqual(answer.kind === 'authenticated' && answer.identity.groups, ['staff']);
  setUser('carol');
  t.is(await reasonOf(bearer(text)), 'name-taken');
  t.deepEqual(ended, ['name-taken']);
  control.found = { kind: 'found', token: { ...ofCarol, owner: { ...ofCarol.owner, user: 'dora' } }, owner: null };
  t.is(await reasonOf(bearer(text)), 'user-gone');
});

test('wrong tokens are counted by address, each once, and never lock out a good one', async (t) => {
  const { reasonOf, ask, text, runtime } = setUp();
  const wrong = wrongTokens(runtime, 6);
  for (let again = 0; again < 10; again += 1) t.is(await reasonOf(bearer(wrong[0]!)), 'token-unknown');
  for (const one of wrong.slice(1, 4)) t.is(await reasonOf(bearer(one)), 'token-unknown');
  const locked = await ask(bearer(wrong[4]!));
  t.is(locked.kind === 'rejected' && locked.retryAfterSeconds, 600);
  t.is(await reasonOf(bearer(text)), 'authenticated');
  t.is(await reasonOf(basic('alice', text)), 'authenticated');
  t.is(await reasonOf(bearer('slp_short')), 'token-malformed');
});

test('gives the very same answer while nothing has changed, and marks a use once a minute', async (t) => {
  const { ask, text, runtime, marks } = setUp();
  const first = await ask(bearer(text));
  for (let count = 0; count < 20; count += 1) t.is(await ask(basic('alice', text)), first);
  t.is(marks.length, 1);
  runtime.advance(60_000);
  await ask(bearer(text));
  t.is(marks.length, 2);
  await new Promise((resolve) => setImmediate(resolve));
  t.is(runtime.lines.filter(({ event }) => event === 'access-token.first-used').length, 1);
  t.false(JSON.stringify(runtime.lines).includes(text.slice(4, 40)));
});

test('passes on that the store is unreachable', async (t) => {
  const { ask, text, control } = setUp();
  control.error = new GatewayError('store-unavailable', 'could not read a record');
  await t.throwsAsync(async () => ask(bearer(text)), { message: 'could not read a record' });
});

test('every token is the gateway’s own, also on routes that take none, and wherever Basic has it', (t) => {
  const { text } = setUp();
  const isOwn = createOwnCredentials([]);
  for (const value of [
    bearer(text),
    basic('x', text),
    basic(text, ''),
    basic(text, 'x-oauth-basic'),
    text,
    `Token ${text}`,
  ])
    for (const acceptTokens of [true, false]) t.true(isOwn(value, acceptTokens), value);
  for (const value of [bearer('slp_x'), basic('x', 'y'), 'Basic !!!']) t.false(isOwn(value, true), value);
});
