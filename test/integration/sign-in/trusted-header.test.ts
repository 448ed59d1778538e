import test, { type ExecutionContext } from 'ava';
import { startGround, type Ground } from '../../support/attack-runner.ts';
import { readJwt } from '../../support/jwt.ts';
import { sendRaw, valueOf, valuesOf } from '../../support/raw.ts';

const upstream = '{UP}';
const routes = [
  { id: 'app', host: 'app.test', path: '/app', upstream },
  { id: 'admin', host: 'app.test', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
  { id: 'sso', host: 'app.test', path: '/sso', upstream, access: [{ allow: { methods: ['trusted-header'] } }] },
  { id: 'mfa', host: 'app.test', path: '/mfa', upstream, access: 'second-factor' },
  {
    id: 'fresh',
    host: 'app.test',
    path: '/fresh',
    upstream,
    access: [{ allow: 'signed-in', require: { signedInWithin: '15m' } }],
  },
  { id: 'public', host: 'app.test', path: '/public', upstream, access: 'public' },
  { id: 'signed', host: 'app.test', path: '/signed', upstream, identity: { assertion: {} } },
];
const headers = { user: 'X-SSO-User', email: 'X-SSO-Email', groups: 'X-SSO-Groups' };
const secretHeader = { name: 'X-SSO-Proof', secret: '0123456789abcdef0123456789abcdef' };

async function setUp(t: ExecutionContext, trustedHeader: object, signIn: object = {}): Promise<Ground> {
  const ground = await startGround({
    server: { publicUrl: 'https://app.test' },
    signIn: { trustedHeader: { headers, ...trustedHeader }, ...signIn },
    routes,
  });
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

test('people come in by what the proxy says, and the app hears it from the gateway alone', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.1'] });
  const mark = ground.upstream.mark();
  const lines = [
    'X-SSO-User: Mallory',
    'X-SSO-Email: m@example.com',
    'X-SSO-Groups: staff,admins',
    'Remote-User: evil',
  ];
  for (const path of ['/app/x', '/admin/x', '/sso/x']) t.is((await ask(ground, path, ...lines)).status, 200, path);
  for (const request of mark.requests()) {
    t.deepEqual(valuesOf(request, 'remote-user'), ['mallory']);
    t.deepEqual(valuesOf(request, 'remote-groups'), ['staff,admins']);
    for (const name of Object.values(headers)) t.deepEqual(valuesOf(request, name), [], name);
  }
  t.is((await ask(ground, '/admin/x', 'X-SSO-User: mallory', 'X-SSO-Groups: staff')).status, 403);
  for (const path of ['/mfa/x', '/fresh/x']) t.is((await ask(ground, path, ...lines)).status, 401, path);

  const signed = ground.upstream.mark();
  await ask(ground, '/signed/x', ...lines);
  const { claims } = readJwt(valueOf(signed.requests()[0]!, 'sallyport-jwt-assertion')!);
  t.is(claims['sub'], 'mallory');
  for (const name of ['amr', 'auth_time', 'sid']) t.false(name in claims, name);
});

test('on a route for everybody the headers are taken away, too', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.1'], secretHeader });
  const mark = ground.upstream.mark();
  const proof = `${secretHeader.name}: ${secretHeader.secret}`;
  await ask(ground, '/public/x', 'X-SSO-User: mallory', 'X_SSO_User: mallory', proof, 'X.SSO.Groups: admins');
  const [request] = mark.requests();
  t.deepEqual(
    request!.headers.filter(([name]) => /sso/i.test(name)),
    [],
  );
});

test('the header wins over a session of somebody else, which goes on by itself', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.1'] }, { local: {} });
  const { cookie } = await ground.session('alice');
  const mark = ground.upstream.mark();
  await ask(ground, '/app/x', `Cookie: ${cookie}`, 'X-SSO-User: mallory');
  await ask(ground, '/app/x', `Cookie: ${cookie}`);
  t.deepEqual(
    mark.requests().map((request) => valuesOf(request, 'remote-user')),
    [['mallory'], ['alice']],
  );
  // A name of the users file stays the local user's.
  t.is((await ask(ground, '/app/x', 'X-SSO-User: alice')).status, 401);
  t.true(ground.gateway.logs().some((line) => line.includes('"sign-in.failed"') && line.includes('name-taken')));
});

test('from any other peer the headers mean nothing, whatever it says of itself', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.2'] });
  const mark = ground.upstream.mark();
  for (const line of ['X-Forwarded-For: 127.0.0.2', 'Forwarded: for=127.0.0.2', 'X-Real-IP: 127.0.0.2'])
    t.is((await ask(ground, '/app/x', 'X-SSO-User: mallory', line)).status, 401, line);
  t.is(mark.requests().length, 0);
});

test('5–7: a repeated header, a look-alike and a wrong secret open nothing', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.1'], secretHeader });
  const proof = `${secretHeader.name}: ${secretHeader.secret}`;
  const mark = ground.upstream.mark();
  for (const lines of [
    ['X-SSO-User: mallory'],
    ['X-SSO-User: mallory', `${secretHeader.name}: wrong`],
    ['X-SSO-User: mallory', 'X-SSO-User: alice', proof],
    ['X-SSO-User: mallory', 'X_SSO_User: alice', proof],
    ['X-SSO-User: mallory', 'X.SSO.Groups: admins', proof],
    ['X-SSO-User: mallory, alice', proof],
  ])
    t.is((await ask(ground, '/app/x', ...lines)).status, 401, lines.join(' | '));
  t.is(mark.requests().length, 0);
  t.is((await ask(ground, '/app/x', 'X-SSO-User: mallory', proof)).status, 200);
  t.false(ground.gateway.logs().some((line) => line.includes(secretHeader.secret)));
});

test('our own pages know the person, and tell whoever is nobody that there is no form', async (t) => {
  const ground = await setUp(t, { from: ['127.0.0.1'] });
  const html = 'Accept: text/html';
  const home = await ask(ground, '/_auth/', html, 'X-SSO-User: mallory');
  t.is(home.status, 200);
  t.true(home.body.toString().includes('mallory'));
  // Signing out is the proxy's business, and access tokens belong to sessions.
  t.false(/<form|\/tokens/.test(home.body.toString()));
  const known = await ask(ground, '/_auth/sign-in', html, 'X-SSO-User: mallory');
  t.true(known.body.toString().includes('You are known here as'));
  const page = await ask(ground, '/_auth/sign-in', html);
  t.is(page.status, 200);
  t.true(page.body.toString().includes('There is nothing to fill in here'));
  t.false(page.body.toString().includes('<form'));
});
