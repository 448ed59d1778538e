import test from 'ava';
import { createAssertionWriter, type AssertionSubject } from '../../../src/identity/assertion.ts';
import { assertionConfig, type AssertionConfig } from '../../../src/identity/config.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import { createAssertionKeys } from '../../../src/identity/keys.ts';
import { readJwt, verifyJwt, type PublicKey } from '../../support/jwt.ts';
import { createSharedKeys } from '../../support/key-storage.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const alice: Identity = {
  user: 'alice',
  name: 'Alice 田中',
  email: 'alice@example.test',
  groups: ['users', 'Köche'],
  claims: {},
  method: 'local',
  issuer: 'local',
  subject: 'alice',
};

function subjectOf(identity: Identity, sid = 'session-1', authenticatedAtMs = 1_759_999_000_500): AssertionSubject {
  return { identity, session: { id: sid, amr: ['pwd'] }, authenticatedAtMs };
}

function configOf(input: object = {}): Exclude<AssertionConfig, false> {
  const config = assertionConfig.parse(input);
  if (config === false) throw new Error('no assertion');
  return config;
}

function setUp() {
  const runtime = createTestRuntime();
  const keys = createAssertionKeys({ storage: createSharedKeys().join(), now: runtime.now });
  const writer = (input: object = {}, routeId = 'wiki') =>
    createAssertionWriter({ config: configOf(input), issuer: 'https://auth.test', routeId, keys, runtime });
  const jwks = async () => (await keys.publicKeys([])) as unknown as readonly PublicKey[];
  return { runtime, keys, writer, jwks };
}

test('says who, for whom, from when to when, and how they signed in', async (t) => {
  const { runtime, writer } = setUp();
  const { header, claims } = readJwt(await writer()(subjectOf(alice)));
  const { jti, ...rest } = claims;
  t.regex(String(jti), /^[\w-]{22}$/);
  t.deepEqual(rest, {
    iss: 'https://auth.test',
    aud: 'wiki',
    sub: 'alice',
    name: 'Alice 田中',
    email: 'alice@example.test',
    groups: ['users', 'Köche'],
    sid: 'session-1',
    amr: ['pwd'],
    auth_time: 1_759_999_000,
    iat: runtime.now() / 1_000,
    exp: runtime.now() / 1_000 + 300,
  });
  t.is(header['alg'], 'ES256');
});

test('leaves out what is not known', async (t) => {
  const { writer } = setUp();
  const bare = { ...alice, name: '', email: '', groups: [] };
  const { claims } = readJwt(await writer()({ identity: bare, session: null, authenticatedAtMs: 5_000 }));
  t.false('name' in claims || 'email' in claims || 'sid' in claims);
  t.deepEqual(claims['groups'], []);
  t.deepEqual(claims['amr'], ['pwd']);
});

for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
  test(`signs with ${algorithm} so that others can verify`, async (t) => {
    const { writer, jwks } = setUp();
    const token = await writer({ algorithm })(subjectOf(alice));
    t.is(verifyJwt(token, await jwks())?.claims['sub'], 'alice');
    const [head, , signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...readJwt(token).claims, sub: 'bob' })).toString('base64url');
    t.is(verifyJwt(`${head}.${forged}.${signature}`, await jwks()), null);
  });
}

test('answers at once with the same assertion until half of its life is over', async (t) => {
  const { runtime, writer } = setUp();
  const write = writer({ lifetime: '4m' });
  const subject = subjectOf(alice);
  const first = await write(subject);
  // The key was made meanwhile, so what was signed before is signed once more.
  const second = await write(subject);
  runtime.advance(119_999);
  t.is(write(subject), second);
  t.is(write(subjectOf(alice)) instanceof Promise, true, 'another array of methods is another sign-in');
  runtime.advance(1);
  const third = await write(subject);
  t.is(new Set([first, second, third]).size, 3);
  t.not(readJwt(third).claims['jti'], readJwt(second).claims['jti']);
});

test('does not believe an assertion from the future when the clock is set back', async (t) => {
  const { runtime, writer } = setUp();
  const write = writer();
  const subject = subjectOf(alice);
  await write(subject);
  const token = await write(subject);
  runtime.advance(-60_000);
  t.not(await write(subject), token);
});

test('requests side by side share one signature', async (t) => {
  const { writer } = setUp();
  const write = writer();
  const subject = subjectOf(alice);
  const tokens = await Promise.all(Array.from({ length: 10 }, async () => write(subject)));
  t.is(new Set(tokens).size, 1);
});

test('never mixes up two people, two sessions or two routes', async (t) => {
  const { writer } = setUp();
  const [wiki, blog] = [writer({}, 'wiki'), writer({ audience: 'https://blog.test' }, 'blog')];
  const bob = { ...alice, user: 'bob' };
  const said = async (subject: AssertionSubject) =>
    [await wiki(subject), await blog(subject)].map((token) => {
      const { sub, sid, aud } = readJwt(token).claims;
      return [sub, sid, aud];
    });
  for (let round = 0; round < 3; round += 1) {
    for (const [identity, sid] of [
      [alice, 'a1'],
      [bob, 'b1'],
      [alice, 'a2'],
    ] as const) {
      t.deepEqual(await said(subjectOf(identity, sid)), [
        [identity.user, sid, 'wiki'],
        [identity.user, sid, 'https://blog.test'],
      ]);
    }
  }
});

test('without a session the same person gets the same assertion with every request', async (t) => {
  const { runtime, writer } = setUp();
  const write = writer();
  const request = () => ({ identity: alice, session: null, authenticatedAtMs: runtime.now() });
  await write(request());
  const token = await write(request());
  runtime.advance(1_000);
  t.is(write(request()), token);
});

test('signs anew with a new key, other groups or another sign-in', async (t) => {
  const { keys, writer, jwks } = setUp();
  const write = writer();
  const subject = subjectOf(alice);
  await write(subject);
  const token = await write(subject);
  t.is(write(subject), token);
  await keys.rotate();
  const renewed = await write(subject);
  t.not(readJwt(renewed).header['kid'], readJwt(token).header['kid']);
  for (const one of [token, renewed]) t.truthy(verifyJwt(one, await jwks()));
  const promoted = subjectOf({ ...alice, groups: ['admins'] });
  t.deepEqual(readJwt(await write(promoted)).claims['groups'], ['admins']);
  const again = { ...subject, authenticatedAtMs: subject.authenticatedAtMs + 9_000 };
  t.is(readJwt(await write(again)).claims['auth_time'], 1_759_999_009);
});

test('stays below 8 KB whatever the groups and names, and says what was cut', async (t) => {
  const { runtime, writer } = setUp();
  const write = writer({ algorithm: 'RS256', audience: 'x'.repeat(256) });
  const crowd = Array.from({ length: 500 }, (_, index) => `department "${index}" Köche`);
  for (const identity of [
    { ...alice, groups: crowd },
    { ...alice, name: '田'.repeat(16_000), email: 'e'.repeat(16_000), user: '"'.repeat(256), groups: crowd },
    { ...alice, groups: ['g'.repeat(16_000)] },
  ]) {
    const token = await write(subjectOf(identity));
    t.true(token.length < 8_000, String(token.length));
    const groups = readJwt(token).claims['groups'] as string[];
    t.deepEqual(groups, identity.groups.slice(0, groups.length));
    const { fields } = runtime.lines.filter(({ event }) => event === 'identity-groups.cut').at(-1)!;
    t.is(fields['kept'], groups.length);
  }
});

test('forgets a signature that failed', async (t) => {
  const runtime = createTestRuntime();
  const good = createAssertionKeys({ storage: createSharedKeys().join(), now: runtime.now });
  let fails = true;
  const write = createAssertionWriter({
    config: configOf(),
    issuer: 'https://auth.test',
    routeId: 'wiki',
    runtime,
    keys: {
      generation: good.generation,
      signingKey: (algorithm) => (fails ? Promise.reject(new Error('no store')) : good.signingKey(algorithm)),
    },
  });
  await t.throwsAsync(async () => write(subjectOf(alice)), { message: 'no store' });
  fails = false;
  t.is(readJwt(await write(subjectOf(alice))).claims['sub'], 'alice');
});

test('refuses a configuration that would not do', (t) => {
  for (const wrong of [
    true,
    { lifetime: '2h' },
    { lifetime: '1s' },
    { lifetime: 0 },
    { audience: '' },
    { audience: 'a b' },
    { algorithm: 'HS256' },
    { algorithm: 'none' },
    { other: 1 },
  ])
    t.false(assertionConfig.safeParse(wrong).success, JSON.stringify(wrong));
  t.is(assertionConfig.parse(false), false);
});
