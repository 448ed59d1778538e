import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startGround, type Ground } from '../support/attack-runner.ts';
import { poll } from '../support/gateway.ts';
import { readJwt } from '../support/jwt.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { createTestIssuer, type TestIssuer } from '../support/token-issuer.ts';
import { makeDirectory } from '../support/temporary.ts';

/** An issuer with a real server: metadata and keys. */
async function startIssuer(t: ExecutionContext, keys: () => readonly object[]) {
  const asked: string[] = [];
  let isDown = false;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (isDown) return void request.socket.destroy();
    const documents: Readonly<Record<string, unknown>> = {
      '/realm/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/realm/keys': { keys: keys() },
    };
    response.statusCode = documents[request.url ?? ''] === undefined ? 404 : 200;
    response.end(JSON.stringify(documents[request.url ?? ''] ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/realm`;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    issuer,
    asked,
    setDown: (down: boolean) => {
      isDown = down;
    },
  };
}

const upstream = '{UP}';
const routes = [
  { id: 'app', host: 'app.test', path: '/app', upstream },
  { id: 'ci', host: 'app.test', path: '/ci', upstream, access: [{ allow: { groups: ['ci'], methods: ['bearer'] } }] },
  { id: 'mfa', host: 'app.test', path: '/mfa', upstream, access: 'second-factor' },
  {
    id: 'fresh',
    host: 'app.test',
    path: '/fresh',
    upstream,
    access: [{ allow: 'signed-in', require: { signedInWithin: '15m' } }],
  },
  { id: 'robot', host: 'app.test', path: '/robot', upstream, access: [{ allow: { users: ['ci:robot'] } }] },
  { id: 'claims', host: 'app.test', path: '/claims', upstream, access: [{ allow: { claims: { ref: ['main'] } } }] },
  { id: 'people', host: 'app.test', path: '/people', upstream, acceptTokens: false },
  { id: 'public', host: 'app.test', path: '/public', upstream, access: 'public' },
  { id: 'signed', host: 'app.test', path: '/signed', upstream, identity: { assertion: {} } },
];

async function setUp(t: ExecutionContext, bearer: readonly object[], now?: () => number): Promise<Ground> {
  const config = { server: { publicUrl: 'https://app.test' }, bearer, routes };
  const ground = await startGround(config, now === undefined ? {} : { now });
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

const inTenMinutes = () => Math.floor(Date.now() / 1_000) + 600;

function tokenOf(signer: TestIssuer, iss: string, more: object = {}): Promise<string> {
  return signer.sign({ iss, aud: 'api', sub: 'robot', exp: inTenMinutes(), ...more });
}

test('a machine signs in with a JWT of a discovered issuer, and takes part in the rules', async (t) => {
  const signer = await createTestIssuer();
  const { issuer, asked } = await startIssuer(t, () => [signer.publicJwk]);
  const ground = await setUp(t, [{ issuer, audience: 'api', userPrefix: 'ci:' }]);
  const plain = `Authorization: Bearer ${await tokenOf(signer, issuer)}`;
  const mark = ground.upstream.mark();
  t.is((await ask(ground, '/app/x', plain, 'Remote-User: evil')).status, 200);
  const [request] = mark.requests();
  t.deepEqual(valuesOf(request!, 'remote-user'), ['ci:robot']);
  t.deepEqual(valuesOf(request!, 'authorization'), []);
  t.is((await ask(ground, '/robot/x', plain)).status, 200);
  t.is((await ask(ground, '/ci/x', plain)).status, 403);
  t.is((await ask(ground, '/claims/x', plain)).status, 403);
  const grouped = `Authorization: Bearer ${await tokenOf(signer, issuer, { groups: ['ci'], ref: 'main' })}`;
  t.is((await ask(ground, '/ci/x', grouped)).status, 200);
  t.is((await ask(ground, '/claims/x', grouped)).status, 200);
  for (const path of ['/mfa/x', '/fresh/x']) t.is((await ask(ground, path, grouped)).status, 401, path);
  t.is((await ask(ground, '/people/x', plain)).status, 401, 'a route for people only');
  t.deepEqual(asked, ['/realm/.well-known/openid-configuration', '/realm/keys']);
  t.is((await ask(ground, '/_auth/', plain)).status, 303, 'and none of our own pages');

  const signed = ground.upstream.mark();
  await ask(ground, '/signed/x', plain);
  const { claims } = readJwt(valueOf(signed.requests()[0]!, 'sallyport-jwt-assertion')!);
  t.is(claims['sub'], 'ci:robot');
  for (const name of ['amr', 'auth_time', 'sid']) t.false(name in claims, name);
});

test('a refused token gets 401 and the reason, beside a good session too', async (t) => {
  const signer = await createTestIssuer();
  const { issuer } = await startIssuer(t, () => [signer.publicJwk]);
  const ground = await setUp(t, [{ issuer, audience: 'api' }]);
  const { cookie } = await ground.session('alice');
  const mark = ground.upstream.mark();
  const wrong = await tokenOf(signer, issuer, { aud: 'other' });
  for (const lines of [[], [`Cookie: ${cookie}`]]) {
    const answer = await ask(ground, '/app/x', `Authorization: Bearer ${wrong}`, ...lines);
    t.is(answer.status, 401);
    t.regex(valueOf(answer, 'www-authenticate')!, /^Bearer realm="app", error="invalid_token"/);
    t.is((JSON.parse(String(answer.body)) as { reason: string }).reason, 'token-audience');
    t.is(valueOf(answer, 'cache-control'), 'no-store');
  }
  t.is(mark.requests().length, 0);
  t.false(ground.gateway.logs().some((line) => line.includes(wrong.split('.')[1]!)));
});

test("a token of anybody else is the app's own business, one of ours never is", async (t) => {
  const signer = await createTestIssuer();
  const { issuer } = await startIssuer(t, () => [signer.publicJwk]);
  const ground = await setUp(t, [{ issuer, audience: 'api' }]);
  const { cookie } = await ground.session('alice');
  const foreign = `Bearer ${await tokenOf(signer, 'https://elsewhere.test')}`;
  const ours = `Bearer ${await tokenOf(signer, issuer)}`;
  const arrived = async (path: string, ...lines: readonly string[]) => {
    const mark = ground.upstream.mark();
    await ask(ground, path, ...lines);
    return mark.requests().map((request) => valuesOf(request, 'authorization'));
  };
  t.deepEqual(await arrived('/app/x', `Authorization: ${foreign}`), [], 'and opens nothing');
  t.deepEqual(await arrived('/app/x', `Authorization: ${foreign}`, `Cookie: ${cookie}`), [[foreign]]);
  t.deepEqual(await arrived('/public/x', `Authorization: ${foreign}`), [[foreign]]);
  t.deepEqual(await arrived('/public/x', `Authorization: ${ours}`), [[]], 'nobody looked at it, and still');
  t.deepEqual(await arrived('/people/x', `Authorization: ${ours}`, `Cookie: ${cookie}`), [[ours]]);
});

test('an issuer that is away makes its own tokens wait, and nothing else', async (t) => {
  let nowMs = Date.now();
  const [signer, other] = [await createTestIssuer(), await createTestIssuer('file')];
  const directory = await makeDirectory(t);
  const jwksFile = join(directory, 'keys.json');
  await writeFile(jwksFile, JSON.stringify({ keys: [other.publicJwk] }));
  const server = await startIssuer(t, () => [signer.publicJwk]);
  server.setDown(true);
  const ground = await setUp(
    t,
    [
      { issuer: server.issuer, audience: 'api' },
      { issuer: 'urn:file', audience: ['x', 'api'], jwksFile, userPrefix: 'file:' },
    ],
    () => nowMs,
  );
  const token = `Authorization: Bearer ${await tokenOf(signer, server.issuer)}`;
  const answer = await ask(ground, '/app/x', token);
  t.is(answer.status, 503);
  t.truthy(valueOf(answer, 'retry-after'));
  t.is((JSON.parse(String(answer.body)) as { reason: string }).reason, 'issuer-unavailable');
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AA=='];
  const { answers } = await sendRaw(
    ground.gateway.port,
    ['GET /app/ws HTTP/1.1', 'Host: app.test', ...upgrade, token, '\r\n'].join('\r\n'),
  );
  t.is(answers[0]?.status, 503);
  t.is((await ask(ground, '/app/x', `Authorization: Bearer ${await tokenOf(other, 'urn:file')}`)).status, 200);
  const { cookie } = await ground.session('alice');
  t.is((await ask(ground, '/app/x', `Cookie: ${cookie}`)).status, 200);
  t.is((await ask(ground, '/public/x', token)).status, 200);
  server.setDown(false);
  nowMs += 5_000;
  t.is((await ask(ground, '/app/x', token)).status, 200);
  server.setDown(true);
  const config = {
    server: { publicUrl: 'https://app.test' },
    routes: [{ ...routes[0], upstream: ground.upstream.origin }],
  };
  await ground.gateway.reload({ ...config, bearer: [{ issuer: server.issuer, audience: ['api', 'y'] }] });
  t.is((await ask(ground, '/app/x', token)).status, 200, 'its keys outlive a reload');
});

test('a changed key file counts after a reload', async (t) => {
  const [one, two] = [await createTestIssuer('one'), await createTestIssuer('two')];
  const directory = await makeDirectory(t);
  const jwksFile = join(directory, 'keys.json');
  await writeFile(jwksFile, JSON.stringify({ keys: [one.publicJwk] }));
  const bearer = [{ issuer: 'urn:file', audience: 'api', jwksFile }];
  const ground = await setUp(t, bearer);
  const token = `Authorization: Bearer ${await tokenOf(two, 'urn:file')}`;
  t.is((await ask(ground, '/app/x', token)).status, 401);
  await writeFile(`${jwksFile}.new`, JSON.stringify({ keys: [two.publicJwk] }));
  await rename(`${jwksFile}.new`, jwksFile);
  const config = {
    server: { publicUrl: 'https://app.test' },
    routes: [{ ...routes[0], upstream: ground.upstream.origin }],
  };
  await ground.gateway.reload({ ...config, bearer });
  t.is((await ask(ground, '/app/x', token)).status, 200);
  t.is((await ask(ground, '/app/x', `Authorization: Bearer ${await tokenOf(one, 'urn:file')}`)).status, 401);
});

test('a WebSocket that a token opened is closed when the token ends', async (t) => {
  let nowMs = Date.now();
  const signer = await createTestIssuer();
  const { issuer } = await startIssuer(t, () => [signer.publicJwk]);
  const ground = await setUp(t, [{ issuer, audience: 'api', clockSkew: 0 }], () => nowMs);
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  client.write(
    [
      'GET /app/ws HTTP/1.1',
      'Host: app.test',
      `Authorization: Bearer ${await tokenOf(signer, issuer)}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      '\r\n',
    ].join('\r\n'),
  );
  await client.until((bytes) => bytes.includes('101'));
  await poll(() => ground.upstream.webSockets() === 1);
  nowMs += 601_000;
  await poll(() => ground.upstream.webSockets() === 0);
  t.pass();
});
