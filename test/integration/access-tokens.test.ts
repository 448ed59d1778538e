import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formTokenOf, makeToken, postTokenForm, revokeToken } from '../support/access-tokens.ts';
import { startGround, type Ground } from '../support/attack-runner.ts';
import { poll } from '../support/gateway.ts';
import { findProgram, run } from '../support/programs.ts';
import { openRaw, valuesOf } from '../support/raw.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { passwordOf, usersFile, fixtureUsers } from '../support/users.ts';
import { createVisitor, sendTo, type Visitor } from '../support/visitor.ts';

const upstream = '{UP}';
const origin = 'https://app.test';
const routes = [
  { id: 'wiki', title: 'Wiki', host: 'app.test', path: '/wiki', upstream },
  { id: 'git', host: 'app.test', path: '/git', upstream },
  { id: 'dav', host: 'app.test', path: '/dav', upstream, acceptBasic: true },
  { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
  { id: 'mfa', host: 'app.test', path: '/mfa', upstream, access: 'second-factor' },
  {
    id: 'fresh',
    host: 'app.test',
    path: '/fresh',
    upstream,
    access: [{ allow: 'signed-in', require: { signedInWithin: '365d' } }],
  },
  { id: 'people', host: 'app.test', path: '/people', upstream, acceptTokens: false },
  { id: 'public', host: 'app.test', path: '/public', upstream, access: 'public' },
];
const config = { server: { publicUrl: origin }, signIn: { throttle: { failures: 3 } }, routes };

async function setUp(t: ExecutionContext, more: object = {}, now?: () => number): Promise<Ground> {
  const ground = await startGround({ ...config, ...more }, now === undefined ? {} : { now });
  t.teardown(ground.stop);
  return ground;
}

async function signedIn(ground: Ground, user: keyof typeof fixtureUsers): Promise<Visitor> {
  const visitor = createVisitor(ground.gateway.port, { host: 'app.test', scheme: 'https' });
  const { status } = await visitor.signIn(user, passwordOf(user));
  if (status !== 303) throw new Error(`no sign-in: ${String(status)}`);
  return visitor;
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const basic = (user: string, text: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`,
});
const ask = (ground: Ground, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  sendTo(ground.gateway.port, path, { host: 'app.test', headers, method });
const reasonOf = (text: string) => (JSON.parse(text) as { readonly reason: string }).reason;

test('a token made on the page signs its owner in, as Bearer and by Basic, and never reaches an app', async (t) => {
  const ground = await setUp(t);
  const text = await makeToken(await signedIn(ground, 'alice'), origin);
  for (const headers of [bearer(text), basic('alice', text), basic('', text), basic('token', text)])
    for (const path of ['/wiki/x', '/git/x', '/dav/x']) {
      const mark = ground.upstream.mark();
      t.is((await ask(ground, path, { ...headers, 'remote-user': 'evil' })).status, 200, path);
      const [request] = mark.requests();
      t.deepEqual(valuesOf(request!, 'remote-user'), ['alice']);
      t.deepEqual(valuesOf(request!, 'remote-groups'), ['users']);
      t.deepEqual(valuesOf(request!, 'authorization'), []);
    }
  for (const headers of [bearer(text), basic('alice', text), basic(text, 'x')]) {
    const mark = ground.upstream.mark();
    t.is((await ask(ground, '/public/x', headers)).status, 200);
    t.deepEqual(valuesOf(mark.requests()[0]!, 'authorization'), [], 'though nobody looked at it');
  }
  t.is((await ask(ground, '/admin/x', bearer(text))).status, 403, 'the owner may not');
  t.is((await ask(ground, '/mfa/x', bearer(text))).status, 401, 'no second factor');
  t.is((await ask(ground, '/fresh/x', bearer(text))).status, 401, 'nobody has just signed in');
  t.is(reasonOf((await ask(ground, '/people/x', bearer(text))).text), 'token-not-accepted');
  t.is((await ask(ground, '/_auth/account/tokens', bearer(text))).status, 303, 'it opens no page of ours');
  t.is((await ask(ground, '/_auth/', basic('alice', text))).status, 303);
  t.is((await ask(ground, '/wiki/x', basic('bob', text))).status, 401);
  const logs = ground.gateway.logs().join('\n');
  t.false(logs.includes(text.slice(4, 40)));
  for (const event of ['access-token.made', 'access-token.first-used', 'access-token.refused'])
    t.true(logs.includes(`"event":"${event}"`), event);
});

test('a limited token opens no more than its owner said, however the path is read', async (t) => {
  const ground = await setUp(t);
  const visitor = await signedIn(ground, 'bob');
  const text = await makeToken(visitor, origin, { apps: ['wiki'], access: 'read' });
  t.is((await ask(ground, '/wiki/x', bearer(text))).status, 200);
  t.is((await ask(ground, '/wiki/x', bearer(text), 'PROPFIND')).status, 200);
  const mark = ground.upstream.mark();
  const refused = await ask(ground, '/git/x', bearer(text));
  t.is(refused.status, 403);
  t.is(reasonOf(refused.text), 'token-limited');
  for (const method of ['POST', 'DELETE', 'MKCOL'])
    t.is((await ask(ground, '/wiki/x', bearer(text), method)).status, 403, method);
  t.is((await ask(ground, '/admin/x', bearer(text))).status, 403);
  await t.throwsAsync(visitor.openSocket('/wiki/ws', { ...bearer(text), cookie: '' }), { message: /403/ });
  t.is(mark.requests().length, 0);
  const writing = await makeToken(visitor, origin, { name: 'writing', apps: ['wiki'] });
  for (const destination of ['/git/x', `${origin}/admin/x`, '/wiki//x/../../git/x'])
    t.not((await ask(ground, '/wiki/x', { ...bearer(writing), destination }, 'MOVE')).status, 200, destination);
  t.is((await ask(ground, '/wiki/x', { ...bearer(writing), destination: '/wiki/y' }, 'MOVE')).status, 200);
});

test('asks programs for a password where a token would do, and browsers never', async (t) => {
  const ground = await setUp(t);
  const git = { 'user-agent': 'git/2.50.0', accept: '*/*' };
  t.regex(String((await ask(ground, '/git/x', git)).headers['www-authenticate']), /Basic realm="git"/);
  const browsers: readonly Record<string, string>[] = [
    { 'user-agent': 'Mozilla/5.0 (X11)', accept: 'image/*' },
    { 'user-agent': 'x', accept: 'image/*', 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' },
    { 'x-requested-with': 'XMLHttpRequest' },
  ];
  for (const headers of browsers)
    t.notRegex(String((await ask(ground, '/git/x', headers)).headers['www-authenticate']), /Basic/);
  t.notRegex(String((await ask(ground, '/people/x', git)).headers['www-authenticate']), /Basic/);
  await ground.gateway.reload({
    ...config,
    accessTokens: { enabled: false },
    routes: routes.map((route) => ({ ...route, upstream: ground.upstream.origin })),
  });
  t.notRegex(String((await ask(ground, '/git/x', git)).headers['www-authenticate']), /Basic/);
});

test('switched off, tokens open nothing and there is no page', async (t) => {
  const ground = await setUp(t);
  const visitor = await signedIn(ground, 'alice');
  const text = await makeToken(visitor, origin);
  await ground.gateway.reload({
    ...config,
    accessTokens: { enabled: false },
    routes: routes.map((route) => ({ ...route, upstream: ground.upstream.origin })),
  });
  t.is((await ask(ground, '/wiki/x', bearer(text))).status, 401);
  t.is((await visitor.navigate('/_auth/account/tokens')).status, 404);
  t.notRegex((await visitor.navigate('/_auth/')).text, /account\/tokens/);
  const mark = ground.upstream.mark();
  await ask(ground, '/public/x', bearer(text));
  t.deepEqual(valuesOf(mark.requests()[0]!, 'authorization'), []);
});

test('the page asks for a sign-in, and for a recent one before a new token', async (t) => {
  let nowMs = Date.now();
  const ground = await setUp(t, {}, () => nowMs);
  const stranger = createVisitor(ground.gateway.port, { host: 'app.test', scheme: 'https' });
  t.is(
    (await stranger.navigate('/_auth/account/tokens')).location,
    '/_auth/sign-in?return_to=%2F_auth%2Faccount%2Ftokens',
  );
  const back = await stranger.signIn('alice', passwordOf('alice'), { returnTo: '/_auth/account/tokens' });
  t.is(back.location, '/_auth/account/tokens');
  const formToken = await formTokenOf(stranger);
  const fields = { form_token: formToken, name: 'x', lifetime: '604800000', access: 'all', scope: 'all' };
  await makeToken(stranger, origin, { name: 'old one' });
  nowMs += 901_000;
  const page = await stranger.navigate('/_auth/account/tokens');
  t.is(page.status, 200);
  t.notRegex(page.text, /name="lifetime"/);
  t.regex(page.text, /sign-in\?again=1&amp;return_to=%2F_auth%2Faccount%2Ftokens/);
  const posted = await postTokenForm(stranger, '/_auth/account/tokens', fields, { origin });
  t.is(posted.status, 303);
  t.regex(posted.location ?? '', /again=1/);
  t.is((await revokeToken(stranger, origin, 'old one')).status, 303, 'taking one away is always possible');
  t.regex((await stranger.navigate('/_auth/account/tokens')).text, /You have none|Sie haben keine/);
});

test('a form that the person did not send makes and ends nothing', async (t) => {
  const ground = await setUp(t);
  const visitor = await signedIn(ground, 'alice');
  const text = await makeToken(visitor, origin);
  const formToken = await formTokenOf(visitor);
  const fields = { form_token: formToken, name: 'x', lifetime: '604800000', access: 'all', scope: 'all' };
  const path = '/_auth/account/tokens';
  const attempts: readonly [string, Record<string, string>, Record<string, string>][] = [
    ['another site', fields, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
    ['a sibling', fields, { origin: 'https://other.test', 'sec-fetch-site': 'same-site' }],
    ['a sandbox', fields, { origin: 'null' }],
    ['a script of an app here', fields, { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['a frame', fields, { 'sec-fetch-dest': 'iframe' }],
    ['no form token', { ...fields, form_token: '' }, {}],
    ['a token for another form', { ...fields, form_token: 'A'.repeat(43) }, {}],
  ];
  for (const [name, body, headers] of attempts)
    for (const target of [path, `${path}/revoke`]) {
      const reply = await postTokenForm(visitor, target, body, { origin, headers });
      t.is(reply.status, 403, name);
      t.notRegex(reply.text, /slp_/, name);
    }
  t.is((await visitor.send(path, { headers: { 'sec-fetch-mode': 'cors' } })).status, 403, 'nor is the form read');
  for (const odd of [
    { ...fields, lifetime: '999999999999' },
    { ...fields, scope: 'some', 'app:admin': 'on' },
    { name: 'x', form_token: formToken },
  ])
    t.is((await postTokenForm(visitor, path, odd, { origin })).status, 400);
  const bob = await signedIn(ground, 'bob');
  const bobsForm = await formTokenOf(bob);
  const { text: page } = await visitor.navigate(path);
  const id = /name="id" value="([^"]+)"/.exec(page)![1]!;
  await postTokenForm(bob, `${path}/revoke`, { form_token: bobsForm, id }, { origin });
  t.is((await ask(ground, '/wiki/x', bearer(text))).status, 200, 'somebody else can not end it');
  t.false((await bob.navigate(path)).text.includes(id));
});

test('the page says what is wrong, and shows a new token once', async (t) => {
  const ground = await setUp(t, { accessTokens: { perPerson: 2, maxLifetime: '10d' } });
  const visitor = await signedIn(ground, 'alice');
  const form_token = await formTokenOf(visitor);
  const fields = { form_token, name: ' ', lifetime: '604800000', access: 'all', scope: 'all' };
  const post = (more: Record<string, string>) =>
    postTokenForm(visitor, '/_auth/account/tokens', { ...fields, ...more }, { origin });
  t.is((await post({})).status, 400);
  t.is((await post({ name: '<b>"x"</b>', scope: 'some' })).status, 400);
  const made = await post({ name: '<b>"x"</b>', lifetime: String(10 * 86_400_000) });
  t.is(made.status, 200);
  t.is(made.headers['cache-control'], 'no-store');
  t.false(made.text.includes('<b>"x"'));
  t.true(made.text.includes('&lt;b&gt;'));
  t.notRegex((await visitor.navigate('/_auth/account/tokens')).text, /slp_/);
  await makeToken(visitor, origin);
  const full = await post({ name: 'third' });
  t.is(full.status, 409);
  t.notRegex(full.text, /slp_/);
});

test('what its owner loses, the token loses: groups at once, everything when they are disabled or gone', async (t) => {
  const ground = await setUp(t);
  const text = await makeToken(await signedIn(ground, 'bob'), origin);
  t.is((await ask(ground, '/admin/x', bearer(text))).status, 200);
  const write = async (users: Parameters<typeof usersFile>[0]) => {
    const file = join(ground.gateway.directory, 'users.yaml');
    await writeFile(`${file}.new`, usersFile(users), { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  const { bob: _, ...others } = fixtureUsers;
  await write({ ...fixtureUsers, bob: { groups: ['users'] } });
  await poll(async () => (await ask(ground, '/admin/x', bearer(text))).status === 403);
  t.is((await ask(ground, '/wiki/x', bearer(text))).status, 200);
  await write({ ...fixtureUsers, bob: { groups: ['admins'], disabled: true } });
  await poll(async () => (await ask(ground, '/wiki/x', bearer(text))).status === 401);
  await write(fixtureUsers);
  await poll(async () => (await ask(ground, '/admin/x', bearer(text))).status === 200);
  await write(others);
  // Not asked for meanwhile: it must be ended, not merely useless.
  await poll(() => ground.gateway.logs().some((line) => line.includes('"event":"access-token.ended"')));
  await write(fixtureUsers);
  await poll(() => ground.gateway.logs().filter((line) => line.includes('"event":"users.reloaded"')).length >= 5);
  t.is(reasonOf((await ask(ground, '/wiki/x', bearer(text))).text), 'token-unknown');
});

test('revoking closes what the token opened, and so does its end', async (t) => {
  let nowMs = Date.now();
  const ground = await setUp(t, {}, () => nowMs);
  const visitor = await signedIn(ground, 'alice');
  const open = async (text: string) => {
    const client = await openRaw(ground.gateway.port);
    t.teardown(client.destroy);
    client.write(
      [
        'GET /wiki/ws HTTP/1.1',
        'Host: app.test',
        `Authorization: Bearer ${text}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        '\r\n',
      ].join('\r\n'),
    );
    await client.until((bytes) => bytes.includes('101'));
  };
  const first = await makeToken(visitor, origin, { name: 'first' });
  const second = await makeToken(visitor, origin, { name: 'second' });
  await open(first);
  await open(second);
  await poll(() => ground.upstream.webSockets() === 2);
  await revokeToken(visitor, origin, 'first');
  await poll(() => ground.upstream.webSockets() === 1);
  t.is((await ask(ground, '/wiki/x', bearer(first))).status, 401);
  t.is((await ask(ground, '/wiki/x', bearer(second))).status, 200);
  nowMs += 604_801_000;
  await poll(() => ground.upstream.webSockets() === 0);
  t.is((await ask(ground, '/wiki/x', bearer(second))).status, 401);
});

test('guessing tokens locks the address for sign-ins, never for good tokens', async (t) => {
  const ground = await setUp(t);
  const text = await makeToken(await signedIn(ground, 'alice'), origin);
  const { newTokenText } = await import('../../src/access-token/token-text.ts');
  const { randomBytes } = await import('node:crypto');
  const statuses: number[] = [];
  for (let count = 0; count < 14; count += 1)
    statuses.push((await ask(ground, '/wiki/x', bearer(newTokenText(randomBytes)))).status);
  t.deepEqual(statuses.slice(0, 12), Array<number>(12).fill(401));
  t.is(statuses.at(-1), 429);
  t.is((await ask(ground, '/wiki/x', bearer(text))).status, 200);
  t.is((await ask(ground, '/wiki/x', bearer('slp_mistyped'))).status, 401);
  t.is((await ask(ground, '/dav/x', basic('alice', passwordOf('alice')))).status, 429);
});

const onRedis = hasRedis ? test : test.skip;

for (const [kind, register] of [
  ['sqlite', test],
  ['redis', onRedis],
] as const)
  register(`what is revoked at one instance opens nothing at the other, on ${kind}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-tokens-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const redis = kind === 'redis' ? await startRedis() : null;
    if (redis !== null) t.teardown(redis.stop);
    const store = { url: redis?.url ?? `sqlite:${join(folder, 'shared.db')}` };
    const [one, other] = [await setUp(t, { store }), await setUp(t, { store })];
    const visitor = await signedIn(one, 'alice');
    const text = await makeToken(visitor, origin);
    for (let count = 0; count < 3; count += 1) t.is((await ask(other, '/wiki/x', bearer(text))).status, 200);
    t.is((await revokeToken(visitor, origin, 'laptop')).status, 303);
    t.is((await ask(other, '/wiki/x', bearer(text))).status, 401);
    t.is((await ask(one, '/wiki/x', bearer(text))).status, 401);
  });

const withCurl = findProgram('curl') === null ? test.skip : test;

withCurl('curl -u signs in with a token for a password', async (t) => {
  const ground = await setUp(t);
  const text = await makeToken(await signedIn(ground, 'alice'), origin);
  const curl = (...args: readonly string[]) =>
    run('curl', [
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-H',
      'Host: app.test',
      ...args,
      `http://127.0.0.1:${String(ground.gateway.port)}/wiki/x`,
    ]);
  t.is((await curl('-u', `alice:${text}`)).stdout, '200');
  t.is((await curl('--anyauth', '-u', `alice:${text}`)).stdout, '200', 'after a challenge');
  t.is((await curl('--oauth2-bearer', text)).stdout, '200');
  t.is((await curl('-u', `alice:${text}x`)).stdout, '401');
});
