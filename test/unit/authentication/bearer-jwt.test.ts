import test from 'ava';
import type { JWTPayload } from 'jose';
import { createBearerAuthenticator } from '../../../src/authentication/bearer-jwt.ts';
import { createFixedKeys } from '../../../src/authentication/issuer-keys.ts';
import { createOwnCredentials } from '../../../src/authentication/own-credentials.ts';
import { hasCode } from '../../../src/errors.ts';
import type { RawHeader } from '../../../src/request/facts.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { createTestIssuer, encodePart, issuerConfig } from '../../support/token-issuer.ts';
import type { TestIssuer } from '../../support/token-issuer.ts';

let signer: TestIssuer;
let rsa: TestIssuer;
test.before(async () => {
  signer = await createTestIssuer();
  rsa = await createTestIssuer('r1', 'RS256');
});

function setUp(config: Readonly<Record<string, unknown>> = {}, keys: readonly object[] = [signer.publicJwk]) {
  const runtime = createTestRuntime();
  const settings = issuerConfig(config);
  let finds = 0;
  let generation = 0;
  const fixed = createFixedKeys(settings, { keys });
  const directory = { revision: 1 };
  const authenticate = createBearerAuthenticator({
    issuers: [
      {
        config: settings,
        keys: {
          ...fixed,
          generation: () => generation,
          find: (header) => {
            finds += 1;
            return fixed.find(header);
          },
        },
      },
    ],
    owns: async ({ user }) => user !== 'taken' || directory.revision > 1,
    directory,
    runtime,
  });
  const nowS = Math.floor(runtime.now() / 1_000);
  const claims = (more: JWTPayload = {}): JWTPayload => ({
    iss: 'https://issuer.test',
    aud: 'api',
    sub: 'robot',
    iat: nowS,
    exp: nowS + 600,
    ...more,
  });
  const send = async (authorization: string | null, acceptTokens = true) => {
    const headers: readonly RawHeader[] = authorization === null ? [] : [['Authorization', authorization]];
    return authenticate(makeFacts({ headers }), { acceptBasic: false, acceptTokens });
  };
  const reasonOf = async (token: string) => {
    const answer = await send(`Bearer ${token}`);
    return answer.kind === 'rejected' ? answer.reason : answer.kind;
  };
  return {
    runtime,
    nowS,
    directory,
    claims,
    send,
    reasonOf,
    finds: () => finds,
    newKeys: () => {
      generation += 1;
    },
  };
}

test('believes a good token, maps its claims and consumes the header', async (t) => {
  const { send, claims } = setUp();
  const token = await signer.sign(
    claims({ name: 'Robot', email: 'r@x.test', groups: ['ci', 'ci'], team: 'ops', n: 7, realm: { roles: ['a', 'b'] } }),
  );
  const answer = await send(`bEaReR ${token}`);
  if (answer.kind !== 'authenticated') return t.fail(JSON.stringify(answer));
  t.deepEqual(answer.identity, {
    user: 'robot',
    name: 'Robot',
    email: 'r@x.test',
    groups: ['ci'],
    claims: {
      sub: ['robot'],
      name: ['Robot'],
      email: ['r@x.test'],
      groups: ['ci', 'ci'],
      team: ['ops'],
      n: ['7'],
      'realm.roles': ['a', 'b'],
    },
    method: 'bearer',
    issuer: 'https://issuer.test',
    subject: 'robot',
  });
  t.true(answer.consumesAuthorization);
  t.false(answer.secondFactor);
  t.is(answer.authenticatedAtMs, 0);
  t.is(answer.session, null);
});

test('maps other claims, nested ones and names with dots, and puts the prefix in front', async (t) => {
  const { send, claims } = setUp({
    userPrefix: 'ci:',
    claims: { user: 'preferred_username', groups: 'realm_access.roles', email: 'https://x.test/mail' },
  });
  const token = await signer.sign(
    claims({ preferred_username: 'Robot', realm_access: { roles: 'one' }, 'https://x.test/mail': 'a@x.test' }),
  );
  const answer = await send(`Bearer ${token}`);
  if (answer.kind !== 'authenticated') return t.fail();
  const { user, groups, email, subject } = answer.identity;
  t.deepEqual([user, groups, email, subject], ['ci:robot', ['one'], 'a@x.test', 'Robot']);
});

test('leaves out an e-mail address that the issuer has not verified, and texts that are none', async (t) => {
  const { send, claims } = setUp();
  const token = await signer.sign(claims({ email: 'a@x.test', email_verified: false, name: 'a\r\nRemote-User: evil' }));
  const answer = await send(`Bearer ${token}`);
  t.is(answer.kind === 'authenticated' && answer.identity.email, '');
  t.is(answer.kind === 'authenticated' && answer.identity.name, '');
});

test('has no word on tokens of anybody else, on other schemes, and on routes for people only', async (t) => {
  const { send, claims } = setUp();
  const good = await signer.sign(claims());
  const foreign = await signer.sign(claims({ iss: 'https://elsewhere.test' }));
  const others = [
    null,
    'Bearer',
    'Bearer x',
    `Bearer ${foreign}`,
    `DPoP ${good}`,
    `Basic ${good}`,
    `Bearer ${good} x`,
    `Bearer ${good},${good}`,
    `Bearer ${good}=`,
    `Bearer ${good}.e30.e30`,
    `Bearer ${await signer.sign(claims({ iss: 'https://issuer.test/' }))}`,
    `Bearer ${await signer.sign(claims({ iss: 'HTTPS://issuer.test' }))}`,
    `Bearer ${encodePart('[1]')}.${encodePart(claims())}.AA`,
    `Bearer ${good}${'A'.repeat(9_000)}`,
  ];
  for (const value of others) t.deepEqual(await send(value), { kind: 'none' }, String(value).slice(0, 40));
  t.deepEqual(await send(`Bearer ${good}`, false), { kind: 'none' });
});

test('refuses what is not for us, not yet or no longer good, and what lacks an end', async (t) => {
  const { reasonOf, claims, nowS } = setUp();
  const cases: readonly (readonly [string, JWTPayload, string])[] = [
    ['another audience', { aud: 'other' }, 'token-audience'],
    ['audiences without ours', { aud: ['a', 'b'] }, 'token-audience'],
    ['expired', { exp: nowS - 31 }, 'token-expired'],
    ['not yet', { nbf: nowS + 31 }, 'token-not-yet-valid'],
    ['made in the future', { iat: nowS + 31 }, 'token-not-yet-valid'],
    ['an end that never comes', { exp: 1e300 }, 'token-claims'],
    ['an end as text', { exp: String(nowS + 600) as unknown as number }, 'token-claims'],
    ['a beginning as text', { nbf: 'x' as unknown as number }, 'token-not-yet-valid'],
    ['an event', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, 'token-type'],
    ['bound to a key', { cnf: { jkt: 'x' } }, 'token-bound'],
    ['several subjects', { sub: ['a', 'b'] as unknown as string }, 'token-claims'],
    ['an empty subject', { sub: '' }, 'token-claims'],
    ['a subject with a line end', { sub: 'a\nb' }, 'token-claims'],
    ['a group with a comma', { groups: ['a,admins'] }, 'token-claims'],
    ['a group with a line end', { groups: ['a\nb'] }, 'token-claims'],
  ];
  for (const [name, more, reason] of cases) t.is(await reasonOf(await signer.sign(claims(more))), reason, name);
  for (const name of ['exp', 'aud', 'sub'] as const) {
    const { [name]: _, ...rest } = claims();
    t.is(await reasonOf(await signer.sign(rest)), name === 'aud' ? 'token-audience' : 'token-claims', `no ${name}`);
  }
  for (const more of [{ aud: ['x', 'api'] }, { exp: nowS - 29 }, { nbf: nowS + 29 }, { iat: nowS + 29 }])
    t.is(await reasonOf(await signer.sign(claims(more))), 'authenticated', JSON.stringify(more));
});

test('refuses every signature but that of the issuer by an allowed algorithm', async (t) => {
  const { reasonOf, claims } = setUp({ algorithms: ['ES256', 'RS256'] }, [signer.publicJwk, rsa.publicJwk]);
  const good = await signer.sign(claims());
  const [head = '', body = '', signature = ''] = good.split('.');
  const other = await createTestIssuer('k1');
  const unsigned = (alg: unknown, more: object = {}) =>
    `${encodePart({ alg, kid: 'k1', ...more })}.${encodePart(claims())}.AA`;
  for (const alg of ['none', 'None', 'nOnE', 'HS256', 'hs256', 'ES384', '', null, 7, ['ES256']])
    t.is(await reasonOf(unsigned(alg)), 'token-algorithm', String(alg));
  t.is(await reasonOf(`${head}.${body}.${signature.slice(0, -2)}AA`), 'token-signature');
  t.is(await reasonOf(`${head}.${encodePart(claims({ sub: 'root' }))}.${signature}`), 'token-signature');
  t.is(await reasonOf(await other.sign(claims())), 'token-signature');
  t.is(
    await reasonOf(await other.sign(claims(), { jwk: other.publicJwk, jku: 'https://evil.test' })),
    'token-signature',
  );
  t.is(await reasonOf(await other.sign(claims(), { kid: 'k2' })), 'token-key-unknown');
  t.is(await reasonOf(await signer.sign(claims(), { kid: ['k1'] })), 'token-key-unknown');
  t.is(await reasonOf(unsigned('RS256')), 'token-key-unknown', 'the key is not for that algorithm');
  for (const more of [{ crit: ['x'], x: 1 }, { crit: [] }, { b64: false }, { crit: ['b64'], b64: false }])
    t.is(await reasonOf(unsigned('ES256', more)), 'token-critical', JSON.stringify(more));
  t.is(await reasonOf(await rsa.sign(claims())), 'authenticated');
});

test('a key without a name serves while it is the only one', async (t) => {
  const { kid: _, ...nameless } = signer.publicJwk;
  const one = setUp({}, [nameless]);
  t.is(await one.reasonOf(await signer.sign(one.claims(), { kid: undefined })), 'authenticated');
  const two = setUp({}, [nameless, { ...(await createTestIssuer()).publicJwk, kid: undefined }]);
  t.is(await two.reasonOf(await signer.sign(two.claims(), { kid: undefined })), 'token-key-unknown');
});

test('takes tokens of the wanted type only, and never one that was made for something else', async (t) => {
  const any = setUp();
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])
    t.is(await any.reasonOf(await signer.sign(any.claims(), { typ })), 'authenticated', typ);
  for (const typ of ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JOSE', 7])
    t.is(await any.reasonOf(await signer.sign(any.claims(), { typ })), 'token-type', String(typ));
  const strict = setUp({ typ: 'at+jwt' });
  t.is(await strict.reasonOf(await signer.sign(strict.claims(), { typ: 'application/AT+JWT' })), 'authenticated');
  for (const head of [{}, { typ: 'JWT' }])
    t.is(await strict.reasonOf(await signer.sign(strict.claims(), head)), 'token-type');
});

test('asks for required claims, each with one of its values', async (t) => {
  const { reasonOf, claims } = setUp({ requiredClaims: { owner: 'acme', 'x.ref': ['main', 'next'] } });
  t.is(await reasonOf(await signer.sign(claims({ owner: 'acme', x: { ref: ['next', 'y'] } }))), 'authenticated');
  for (const more of [{}, { owner: 'acme' }, { owner: 'Acme', x: { ref: 'main' } }, { owner: 'acme', x: { ref: {} } }])
    t.is(await reasonOf(await signer.sign(claims(more))), 'token-claims', JSON.stringify(more));
});

test('checks a token once for requests that come together, and then not before its end or new keys', async (t) => {
  const { send, claims, finds, runtime, newKeys, reasonOf } = setUp();
  const token = await signer.sign(claims());
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(`Bearer ${token}`)));
  t.is(finds(), 1);
  const first = answers[0]!;
  runtime.advance(299_000);
  t.is(await send(`Bearer ${token}`), first, 'the very same answer, so that headers are written once');
  t.is(finds(), 1);
  runtime.advance(1_000);
  await send(`Bearer ${token}`);
  t.is(finds(), 2);
  newKeys();
  await send(`Bearer ${token}`);
  t.is(finds(), 3);
  runtime.advance(300_000);
  t.is(await reasonOf(token), 'authenticated', 'within the skew it is checked anew');
  runtime.advance(30_000);
  t.is(await reasonOf(token), 'token-expired');
});

test('a name that is somebody else’s opens nothing, and is looked at anew when the users change', async (t) => {
  const { reasonOf, claims, directory, finds } = setUp();
  const [token, other] = [await signer.sign(claims({ sub: 'Taken' })), await signer.sign(claims())];
  t.is(await reasonOf(token), 'name-taken');
  t.is(await reasonOf(other), 'authenticated');
  const before = finds();
  await reasonOf(other);
  t.is(finds(), before);
  directory.revision += 1;
  t.is(await reasonOf(other), 'authenticated');
  t.is(finds(), before + 1);
  t.is(await reasonOf(token), 'authenticated');
});

test('says by the scheme what is wrong, and writes it to the audit log without the token', async (t) => {
  const { send, claims, runtime } = setUp();
  const token = await signer.sign(claims({ aud: 'other' }));
  t.deepEqual(await send(`Bearer ${token}`), {
    kind: 'rejected',
    reason: 'token-audience',
    clearSessionCookie: false,
    retryAfterSeconds: null,
    scheme: 'bearer',
  });
  const [line] = runtime.lines;
  t.is(line?.event, 'bearer.refused');
  t.is(line?.fields['audit'], true);
  t.false(JSON.stringify(runtime.lines).includes(token.slice(20, 60)));
});

test('an issuer whose keys are not known makes its own tokens fail, and no others', async (t) => {
  const runtime = createTestRuntime();
  const down = issuerConfig({ issuer: 'https://down.test' });
  const up = issuerConfig();
  const { GatewayError } = await import('../../../src/errors.ts');
  const authenticate = createBearerAuthenticator({
    issuers: [
      {
        config: down,
        keys: {
          generation: () => 0,
          warm: () => undefined,
          find: () => Promise.reject(new GatewayError('issuer-unavailable', 'could not get the keys')),
        },
      },
      { config: up, keys: createFixedKeys(up, { keys: [signer.publicJwk] }) },
    ],
    owns: async () => true,
    directory: { revision: 0 },
    runtime,
  });
  const exp = Math.floor(runtime.now() / 1_000) + 60;
  const ask = async (iss: string) => {
    const token = await signer.sign({ iss, aud: 'api', sub: 'robot', exp });
    const headers: readonly RawHeader[] = [['Authorization', `Bearer ${token}`]];
    return authenticate(makeFacts({ headers }), { acceptBasic: false, acceptTokens: true });
  };
  const error = await t.throwsAsync(async () => ask('https://down.test'));
  t.true(hasCode(error, 'issuer-unavailable'));
  t.is((await ask('https://issuer.test')).kind, 'authenticated');
});

test('knows which credentials are its own without verifying them', async (t) => {
  const isOwn = createOwnCredentials(['https://issuer.test']);
  const forged = `${encodePart({ alg: 'none' })}.${encodePart({ iss: 'https://issuer.test' })}.AA`;
  t.true(isOwn(`Bearer ${forged}`, true));
  t.false(isOwn(`Bearer ${forged}`, false));
  t.false(isOwn(`Bearer ${await signer.sign({ iss: 'https://elsewhere.test' })}`, true));
  for (const value of ['Bearer x', 'Basic YTpi', '', 'Bearer'])
    for (const acceptTokens of [true, false]) t.false(isOwn(value, acceptTokens));
});
