import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startGround, type Ground } from '../support/attack-runner.ts';
import { runCommand } from '../support/command.ts';
import { poll } from '../support/gateway.ts';
import { readJwt, verifyJwt, type Jwt, type PublicKey } from '../support/jwt.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { makeDirectory } from '../support/temporary.ts';
import { fixtureUsers, passwordOf, usersFile } from '../support/users.ts';

const header = 'sallyport-jwt-assertion';
const upstream = '{UP}';
const server = { publicUrl: 'https://app.test' };
const routes = [
  { id: 'app1', host: 'app.test', path: '/app1', upstream },
  { id: 'app2', host: 'app.test', path: '/app2', upstream, identity: { assertion: { audience: 'urn:app2' } } },
  { id: 'eddsa', host: 'app.test', path: '/eddsa', upstream, identity: { assertion: { algorithm: 'EdDSA' } } },
  { id: 'rsa', host: 'app.test', path: '/rsa', upstream, identity: { assertion: { algorithm: 'RS256' } } },
  { id: 'plain', host: 'app.test', path: '/plain', upstream, identity: { assertion: false } },
  { id: 'basic', host: 'app.test', path: '/basic', upstream, acceptBasic: true },
  { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
  { id: 'public', host: 'app.test', path: '/public', upstream, access: 'public' },
];
const config = { server, identity: { assertion: {} }, routes };

async function setUp(t: ExecutionContext, more: object = {}): Promise<Ground> {
  const ground = await startGround({ ...config, ...more });
  t.teardown(ground.stop);
  return ground;
}

async function ask(ground: Ground, path: string, ...lines: readonly string[]) {
  const { answers } = await sendRaw(
    ground.gateway.port,
    [`GET ${path} HTTP/1.1`, 'Host: app.test', ...lines, 'Connection: close', '\r\n'].join('\r\n'),
  );
  if (answers[0] === undefined) throw new Error(`no answer to ${path}`);
  return answers[0];
}

/** What arrived at the upstream as the assertion, with one request; null when none did. */
async function assertionAt(ground: Ground, path: string, ...lines: readonly string[]): Promise<string | null> {
  const mark = ground.upstream.mark();
  const { status } = await ask(ground, path, ...lines);
  const values = mark.requests().flatMap((request) => valuesOf(request, header));
  if (status !== 200 || mark.requests().length !== 1) throw new Error(`${path} did not arrive: ${String(status)}`);
  if (values.length > 1) throw new Error('two assertions arrived');
  return values[0] ?? null;
}

async function signedAt(ground: Ground, path: string, ...lines: readonly string[]): Promise<string> {
  const token = await assertionAt(ground, path, ...lines);
  if (token === null) throw new Error(`no assertion at ${path}`);
  return token;
}

async function jwksOf(ground: Ground, host = 'app.test'): Promise<readonly PublicKey[]> {
  const { answers } = await sendRaw(
    ground.gateway.port,
    `GET /_auth/jwks.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  );
  return (JSON.parse(String(answers[0]?.body)) as { keys: PublicKey[] }).keys;
}

async function verified(ground: Ground, token: string): Promise<Jwt> {
  const jwt = verifyJwt(token, await jwksOf(ground));
  if (jwt === null) throw new Error('the signature is not good');
  return jwt;
}

/** Runs `sallyport key …` against this gateway. */
async function key(t: ExecutionContext, ground: Ground, ...args: readonly string[]) {
  const cwd = await makeDirectory(t);
  const listen = `127.0.0.1:${String(ground.gateway.adminPort)}`;
  await writeFile(
    join(cwd, 'x.yaml'),
    `admin: { listen: '${listen}' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`,
  );
  return runCommand(['key', ...args, '--config', 'x.yaml'], { cwd });
}

test('L241 as-present: every request of a known visitor carries it, upgrades too; anonymous and public ones never', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  for (const path of ['/app1/x', '/app2', '/eddsa', '/rsa'])
    t.is(readJwt(await signedAt(ground, path, `Cookie: ${cookie}`)).claims['sub'], 'alice');
  const basic = Buffer.from(`bob:${passwordOf('bob')}`).toString('base64');
  const { claims } = await verified(ground, await signedAt(ground, '/basic/x', `Authorization: Basic ${basic}`));
  t.is(claims['sub'], 'bob');
  t.false('sid' in claims);

  const mark = ground.upstream.mark();
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  client.write(
    `GET /app1/ws HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSallyport-Jwt-Assertion: forged\r\n\r\n',
  );
  await client.until((bytes) => bytes.includes('101'));
  const [upgrade] = mark.requests();
  t.is(valuesOf(upgrade!, header).length, 1);
  t.is((await verified(ground, valueOf(upgrade!, header)!)).claims['sub'], 'alice');

  t.is(await assertionAt(ground, '/plain/x', `Cookie: ${cookie}`, `${header}: forged`), null);
  for (const lines of [[], [`Cookie: ${cookie}`], ['Sallyport_Jwt_Assertion: forged', `${header}: forged`]])
    t.is(await assertionAt(ground, '/public/x', ...lines), null);
  const before = ground.upstream.mark();
  t.is((await ask(ground, '/app1/x')).status, 401);
  t.is((await ask(ground, '/admin/x', `Cookie: ${cookie}`)).status, 403);
  t.is(before.requests().length, 0);
});

test('L241 as-present: a Connection header of the visitor does not take it away', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const mark = ground.upstream.mark();
  await sendRaw(
    ground.gateway.port,
    `GET /app1/x HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\nConnection: close, ${header}\r\n\r\n`,
  );
  t.truthy(valueOf(mark.requests()[0]!, header));
});

test('L242 as-claims: it is from this gateway, for this route only, and short-lived', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const one = await verified(ground, await signedAt(ground, '/app1/x', `Cookie: ${cookie}`));
  const { iss, aud, sub, iat, exp, sid, groups, email, jti } = one.claims;
  t.deepEqual([iss, aud, sub, groups, email], ['https://app.test', 'app1', 'alice', ['users'], 'alice@example.test']);
  t.is(Number(exp) - Number(iat), 300);
  t.true(Math.abs(Number(iat) - Date.now() / 1_000) < 60);
  t.regex(String(jti), /^[\w-]{22}$/);
  t.regex(String(one.header['kid']), /^[\w-]{43}$/);
  t.false(cookie.includes(String(sid)));
  const other = await verified(ground, await signedAt(ground, '/app2/x', `Cookie: ${cookie}`));
  t.is(other.claims['aud'], 'urn:app2');
  t.is(other.claims['sid'], sid);
});

test('L243 as-verify: everybody can check it with the public keys, and they tell nothing else', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const answer = await ask(ground, '/_auth/jwks.json');
  t.is(answer.status, 200);
  t.is(valueOf(answer, 'cache-control'), 'public, max-age=300');
  t.is(valuesOf(answer, 'set-cookie').length, 0);
  const { keys } = JSON.parse(answer.body.toString()) as { keys: PublicKey[] };
  t.deepEqual(keys.map(({ alg }) => alg).toSorted(), ['ES256', 'EdDSA', 'RS256']);
  for (const jwk of keys) t.false(['d', 'p', 'q', 'k', 'dp', 'dq', 'qi'].some((member) => member in jwk));
  for (const path of ['/app1/x', '/eddsa/x', '/rsa/x'])
    t.is((await verified(ground, await signedAt(ground, path, `Cookie: ${cookie}`))).claims['sub'], 'alice');
  t.deepEqual(await jwksOf(ground, '10.0.0.1:8080'), keys, 'apps ask by an inner name');
  t.is((await ask(ground, '/_auth/jwks.json', 'Cookie: x=y')).status, 200);
});

test('L243 as-verify: the snippet of the docs checks it', async (t) => {
  const ground = await setUp(t, { routes: [{ id: 'wiki', host: 'app.test', upstream }] });
  const { cookie } = await ground.session('alice');
  const docs = await readFile(new URL('../../docs/assertion.md', import.meta.url), 'utf8');
  const snippet = /```js\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';
  const code = snippet
    .replace("'jose'", JSON.stringify(import.meta.resolve('jose')))
    .replace('http://127.0.0.1:8080', ground.gateway.origin)
    .replace('https://auth.example.com', server.publicUrl);
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const { whoAsks } = (await import(url)) as { whoAsks: (request: object) => Promise<string> };
  const token = await signedAt(ground, '/x', `Cookie: ${cookie}`);
  t.is(await whoAsks({ headers: { [header]: token } }), 'alice');
  await t.throwsAsync(whoAsks({ headers: {} }));
  await t.throwsAsync(whoAsks({ headers: { [header]: `${token.slice(0, -20)}${'A'.repeat(20)}` } }));
});

test('L244 as-rotate: a new key signs at once, and the old public key is still served', async (t) => {
  const ground = await setUp(t);
  t.is((await key(t, ground, 'list')).stderr, 'no keys yet: one is made when the first assertion is signed\n');
  const { cookie } = await ground.session('alice');
  const old = await signedAt(ground, '/app1/x', `Cookie: ${cookie}`);
  const rotated = await key(t, ground, 'rotate', '--json');
  t.is(rotated.code, 0);
  const [made] = (JSON.parse(rotated.stdout) as { keys: { kid: string; state: string }[] }).keys;
  t.is(made!.state, 'current');
  const renewed = await signedAt(ground, '/app1/x', `Cookie: ${cookie}`);
  t.is(readJwt(renewed).header['kid'], made!.kid);
  t.not(readJwt(old).header['kid'], made!.kid);
  for (const token of [old, renewed]) t.is((await verified(ground, token)).claims['sub'], 'alice');
  const { stdout } = await key(t, ground, 'list');
  t.regex(stdout, new RegExp(`^KID +ALGORITHM +CREATED +STATE\n${made!.kid}  ES256 +\\S+  current\n`));
  t.regex(stdout, new RegExp(`${String(readJwt(old).header['kid'])}  ES256 +\\S+  retired, published until \\S+Z\n`));
  const audit = ground.gateway.logs().find((line) => line.includes('key.rotated'))!;
  t.like(JSON.parse(audit), { audit: true, kid: made!.kid, algorithm: 'ES256' });
});

test('L244 as-rotate: two gateways on one store sign with the same key, and a rotation holds for both', async (t) => {
  const directory = await makeDirectory(t);
  const store = { url: `sqlite:${join(directory, 'shared.db')}` };
  const [one, other] = await Promise.all([setUp(t, { store }), setUp(t, { store })]);
  const { cookie } = await one.session('alice');
  const tokens = await Promise.all([one, other].map((ground) => signedAt(ground, '/app1/x', `Cookie: ${cookie}`)));
  t.is(new Set(tokens.map((token) => readJwt(token).header['kid'])).size, 1);
  for (const token of tokens) t.is((await verified(other, token)).claims['sub'], 'alice');
  t.is((await key(t, one, 'rotate')).code, 0);
  const renewed = await signedAt(other, '/app1/x', `Cookie: ${cookie}`);
  t.false(tokens.some((token) => readJwt(token).header['kid'] === readJwt(renewed).header['kid']));
  t.deepEqual(await jwksOf(one), await jwksOf(other));
  t.is((await verified(one, renewed)).claims['sub'], 'alice');
  for (const file of (await readdir(directory)).filter((name) => name.startsWith('shared.db'))) {
    const bytes = await readFile(join(directory, file), 'latin1');
    t.false(/"kty"|"d":/.test(bytes), `${file} holds keys in the clear`);
  }
});

test('L245 as-user: alternating visitors never get each other’s assertion', async (t) => {
  const ground = await setUp(t);
  const cookies = { alice: (await ground.session('alice')).cookie, bob: (await ground.session('bob')).cookie };
  const mark = ground.upstream.mark();
  for (let batch = 0; batch < 10; batch += 1)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const user = index % 2 === 0 ? 'alice' : 'bob';
        return ask(ground, `/app${String(1 + (index % 4 > 1 ? 1 : 0))}/of-${user}`, `Cookie: ${cookies[user]}`);
      }),
    );
  const arrived = mark.requests();
  t.is(arrived.length, 200);
  for (const request of arrived) {
    const { sub, aud } = readJwt(valueOf(request, header)!).claims;
    t.is(sub, valueOf(request, 'remote-user'));
    t.is(sub, request.target.split('/of-')[1]);
    t.is(aud, request.target.startsWith('/app1') ? 'app1' : 'urn:app2');
  }
  t.is(new Set(arrived.map((request) => valueOf(request, header))).size <= 8, true, 'signed once, used often');
});

test('L246 as-fresh: changed groups show in the next assertion', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const groupsNow = async () => readJwt(await signedAt(ground, '/app1/x', `Cookie: ${cookie}`)).claims['groups'];
  t.deepEqual(await groupsNow(), ['users']);
  const file = join(ground.gateway.directory, 'users.yaml');
  const text = usersFile({ ...fixtureUsers, alice: { ...fixtureUsers.alice, groups: ['users', 'writers'] } });
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
  await poll(() => ground.gateway.logs().some((line) => line.includes('users.reloaded')));
  t.deepEqual(await groupsNow(), ['users', 'writers']);
});

test('L247 as-size: five hundred groups stay below 8 KB, and the request arrives', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const groups = Array.from({ length: 500 }, (_, index) => `department-${String(index)}-members`);
  const file = join(ground.gateway.directory, 'users.yaml');
  await writeFile(`${file}.new`, usersFile({ ...fixtureUsers, alice: { ...fixtureUsers.alice, groups } }), {
    mode: 0o600,
  });
  await rename(`${file}.new`, file);
  await poll(() => ground.gateway.logs().some((line) => line.includes('users.reloaded')));
  const token = await signedAt(ground, '/app1/x', `Cookie: ${cookie}`);
  t.true(token.length < 8_000);
  const kept = (await verified(ground, token)).claims['groups'] as string[];
  t.true(kept.length > 150);
  t.deepEqual(kept, groups.slice(0, kept.length));
});

test('L248 as-notcred: a captured assertion opens nothing here', async (t) => {
  const ground = await setUp(t);
  const { cookie, cookieName } = await ground.session('alice');
  const token = await signedAt(ground, '/app1/x', `Cookie: ${cookie}`);
  const mark = ground.upstream.mark();
  const tries = [
    [`Authorization: Bearer ${token}`],
    [`Authorization: Basic ${token}`],
    [`Authorization: Basic ${Buffer.from(`alice:${token}`).toString('base64')}`],
    [`Cookie: ${cookieName}=${token}`],
    [`Cookie: ${cookieName}=${String(readJwt(token).claims['sid'])}`],
    [`${header}: ${token}`],
  ];
  for (const lines of tries)
    for (const path of ['/app1/x', '/basic/x']) t.is((await ask(ground, path, ...lines)).status, 401, lines[0]);
  for (const path of ['/sign-out', '/back-channel-logout', '/backchannel-logout', '/oidc/logout']) {
    const body = `logout_token=${token}`;
    const { answers } = await sendRaw(
      ground.gateway.port,
      `POST /_auth${path} HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n` +
        `Content-Length: ${String(body.length)}\r\n\r\n${body}`,
      { methods: ['POST'] },
    );
    t.true((answers[0]?.status ?? 0) >= 400, path);
  }
  t.is(mark.requests().length, 0);
  t.is((await ask(ground, '/app1/x', `Cookie: ${cookie}`)).status, 200);
});

test('L249 as-nolog: neither logs nor answers of ours show an assertion, nor a private key', async (t) => {
  const ground = await setUp(t);
  const { cookie } = await ground.session('alice');
  const token = await signedAt(ground, '/app1/x', `Cookie: ${cookie}`);
  await key(t, ground, 'rotate');
  const answers = [];
  for (const path of [
    '/app1/x',
    '/admin/x',
    '/nowhere',
    '/_auth/',
    '/_auth/sign-in',
    '/_auth/jwks.json',
    '/_auth/nothing',
  ])
    answers.push(await ask(ground, path, `Cookie: ${cookie}`, 'Accept: text/html'));
  ground.upstream.script('/app1/gone', () => ({ kind: 'drop' }));
  const failed = await ask(ground, '/app1/gone', `Cookie: ${cookie}`);
  t.is(failed.status, 502);
  const said = [
    ...ground.gateway.logs(),
    ...[...answers, failed].map(({ headers, body }) => JSON.stringify(headers) + body.toString()),
    (await key(t, ground, 'list', '--json')).stdout,
  ].join('\n');
  for (const part of [token, token.split('.')[2]!, 'eyJ', '"d":', `${header}`])
    t.false(said.toLowerCase().includes(part.toLowerCase()), part);
});

test('`key` fails with 2 for a wrong use and 1 when nobody answers, and has help', async (t) => {
  const cwd = await makeDirectory(t);
  await writeFile(
    join(cwd, 'x.yaml'),
    "admin: { listen: 'unix:./none.sock' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n",
  );
  t.is((await runCommand(['key', 'list', '--config', 'x.yaml'], { cwd })).code, 1);
  t.is((await runCommand(['key', 'list', '--config', 'none.yaml'], { cwd })).code, 2);
  t.is((await runCommand(['key', 'spin'], { cwd })).code, 2);
  for (const args of [['key'], ['key', 'list'], ['key', 'rotate']]) {
    const { code, stdout } = await runCommand([...args, '--help'], { cwd });
    t.is(code, 0);
    t.regex(stdout, /Usage: sallyport key/);
  }
});
