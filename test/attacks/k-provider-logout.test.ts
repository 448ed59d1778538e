import test from 'ava';
import { forgeJwt, makeRsaKey } from '../support/forge-jwt.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createOidcBrowser, type OidcBrowser } from '../support/oidc-browser.ts';
import { startStubProvider, type StubProvider } from '../support/stub-provider.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { sendTo, socketClosed, type Ask, type Reply } from '../support/visitor.ts';

// Group K, the provider's part: who may end which sessions by the back channel.

const publicUrl = 'https://app.test';
const event = 'http://schemas.openid.net/event/backchannel-logout';
let corp: StubProvider;
let second: StubProvider;
let upstream: Upstream;
let gateway: TestGateway;
let offset = 0;
const now = () => Date.now() + offset;

test.before(async () => {
  [corp, second, upstream] = await Promise.all([
    startStubProvider('gateway', now),
    startStubProvider('gateway', now),
    startUpstream(),
  ]);
  const provider = (id: string, { issuer }: StubProvider, more = {}) => ({ id, issuer, clientId: 'gateway', ...more });
  gateway = await startTestGateway({
    config: {
      server: { publicUrl },
      signIn: {
        oidc: [
          provider('corp', corp),
          provider('second', second, { userPrefix: 's-', acceptUntypedLogoutTokens: true }),
        ],
      },
      routes: [{ id: 'app', host: 'app.test', path: '/', upstream: upstream.origin }],
    },
    now,
  });
});
test.beforeEach(() => {
  corp.reset();
  second.reset();
  // Every test has its own minute, so that forged tokens of one do not count for the next.
  offset += 61_000;
});
test.after.always(async () => {
  await gateway?.stop();
  await Promise.all([corp, second, upstream].map((one) => one?.stop()));
});

async function signIn(stub: StubProvider, id: string, claims: Record<string, unknown> = {}): Promise<OidcBrowser> {
  const browser = createOidcBrowser({ gatewayPort: gateway.port, publicUrl });
  const { next } = await browser.open(`/_auth/sign-in/${id}?return_to=%2F`, (to) => to.origin !== publicUrl);
  stub.nonce = next?.searchParams.get('nonce') ?? '';
  stub.claims = claims;
  const query = new URLSearchParams({ code: 'c', state: next?.searchParams.get('state') ?? '', iss: stub.issuer });
  const reply = await browser.gateway.navigate(`/_auth/callback/${id}?${query.toString()}`);
  if (reply.status !== 303) throw new Error(`sign-in failed: ${String(reply.status)}`);
  return browser;
}

const isAlive = async ({ gateway: visitor }: OidcBrowser) => (await visitor.send('/')).status === 200;

let count = 0;
function logoutClaims(stub: StubProvider, more: Record<string, unknown> = {}): Record<string, unknown> {
  count += 1;
  const seconds = Math.floor(now() / 1_000);
  const common = { iss: stub.issuer, aud: 'gateway', iat: seconds, exp: seconds + 120, jti: `jti-${String(count)}` };
  return { ...common, events: { [event]: {} }, sub: 'subject-1', sid: 'sid-1', ...more };
}

function logoutToken(stub: StubProvider, claims: object, header: object = {}): string {
  const whole = { alg: 'RS256', kid: stub.key.kid, typ: 'logout+jwt', ...header };
  return forgeJwt(whole, claims, { kind: 'rs256', key: stub.key.privateKey });
}

function post(token: string, id = 'corp', ask: Ask = {}): Promise<Reply> {
  return sendTo(gateway.port, `/_auth/backchannel-logout/${id}`, {
    method: 'POST',
    host: 'app.test',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `logout_token=${encodeURIComponent(token)}`,
    ...ask,
  });
}

test.serial('K231: a form with one logout token, by POST, without any cookie', async (t) => {
  const good = () => logoutToken(corp, logoutClaims(corp, { sid: 'nobody' }));
  t.is((await post(good(), 'corp', { method: 'GET' })).status, 405);
  const json = { 'content-type': 'application/json' };
  t.is((await post('', 'corp', { headers: json, body: JSON.stringify({ logout_token: good() }) })).status, 415);
  t.is((await post('', 'corp', { body: `logout_token=${good()}&logout_token=${good()}` })).status, 400);
  t.is((await post('')).status, 400);
  t.is((await post('', 'corp', { body: '' })).status, 400);
  t.is((await post('x'.repeat(20_000))).status, 413);
  t.is((await post(good(), 'unknown')).status, 404);
  const foreign = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.test' };
  const reply = await post(good(), 'corp', { headers: { ...foreign, 'sec-fetch-site': 'cross-site' } });
  t.is(reply.status, 200);
  t.regex(reply.headers['cache-control'] ?? '', /no-store/);
});

test.serial(
  'K232, K236, K237, K240: ends the session or the person that it names, at this provider alone',
  async (t) => {
    const one = await signIn(corp, 'corp', { sid: 'sid-a' });
    const two = await signIn(corp, 'corp', { sid: 'sid-b' });
    const three = await signIn(corp, 'corp', { sid: 'sid-c' });
    const other = await signIn(corp, 'corp', { sid: 'sid-d', sub: 'subject-9', preferred_username: 'other' });
    const elsewhere = await signIn(second, 'second', { sid: 'sid-a' });
    const socket = await one.gateway.openSocket('/ws', { origin: publicUrl });
    const closed = socketClosed(socket);
    t.is((await post(logoutToken(corp, logoutClaims(corp, { sid: 'sid-a' })))).status, 200);
    await closed;
    t.deepEqual(await Promise.all([one, two, three, other, elsewhere].map(isAlive)), [false, true, true, true, true]);
    t.is((await post(logoutToken(corp, logoutClaims(corp, { sid: undefined })))).status, 200);
    t.deepEqual(await Promise.all([two, three, other, elsewhere].map(isAlive)), [false, false, true, true]);
    t.is(
      (await post(logoutToken(second, logoutClaims(second, { sid: 'sid-a', sub: undefined })), 'second')).status,
      200,
    );
    t.false(await isAlive(elsewhere));
    t.true(await isAlive(other));
  },
);

test.serial('K233, K234: a token that is not one of this provider’s for this purpose', async (t) => {
  const browser = await signIn(corp, 'corp', { sid: 'sid-1' });
  const seconds = () => Math.floor(now() / 1_000);
  const attacker = makeRsaKey('stub-key');
  const with_ = (more: Record<string, unknown>) => logoutToken(corp, logoutClaims(corp, more));
  const header = { alg: 'RS256', kid: 'stub-key', typ: 'logout+jwt' };
  const wrong: readonly (readonly [string, string])[] = [
    ['another key', forgeJwt(header, logoutClaims(corp), { kind: 'rs256', key: attacker.privateKey })],
    ['no signature', forgeJwt({ ...header, alg: 'none' }, logoutClaims(corp), { kind: 'none' })],
    [
      'HS256 by the public key',
      forgeJwt({ ...header, alg: 'HS256' }, logoutClaims(corp), {
        kind: 'hs256',
        secret: JSON.stringify(corp.key.jwk),
      }),
    ],
    ['another issuer', with_({ iss: second.issuer })],
    ['of the other provider', logoutToken(second, logoutClaims(second))],
    ['another audience', with_({ aud: 'other' })],
    ['no events', with_({ events: undefined })],
    ['another event', with_({ events: { 'http://x.test/event': {} } })],
    ['an event that is no object', with_({ events: { [event]: true } })],
    ['events in a list', with_({ events: [event] })],
    ['a nonce', with_({ nonce: 'n' })],
    ['nobody', with_({ sub: undefined, sid: undefined })],
    ['an empty session', with_({ sid: '' })],
    ['a number as session', with_({ sid: 1 })],
    ['over', with_({ exp: seconds() - 61 })],
    ['without an end', with_({ exp: undefined })],
    ['no time of issue', with_({ iat: undefined })],
    ['issued long ago', with_({ iat: seconds() - 900 })],
    ['issued in the future', with_({ iat: seconds() + 900, exp: seconds() + 1_000 })],
    ['no id', with_({ jti: undefined })],
    ['no type', logoutToken(corp, logoutClaims(corp), { typ: undefined })],
    ['another type', logoutToken(corp, logoutClaims(corp), { typ: 'JWT' })],
    ['an ID token', corp.goodToken({ ...corp.goodClaims(), nonce: undefined })],
    ['garbage', 'a.b.c'],
  ];
  for (const [title, token] of wrong) {
    const reply = await post(token);
    t.is(reply.status, 400, title);
    t.regex(reply.headers['cache-control'] ?? '', /no-store/, title);
  }
  t.true(await isAlive(browser));
  t.true(gateway.logs().some((line) => line.includes('provider-logout.refused')));
});

test.serial('K235: a token is good once, however it is written', async (t) => {
  const token = logoutToken(corp, logoutClaims(corp, { sid: 'sid-r' }));
  t.is((await post(token)).status, 200);
  const browser = await signIn(corp, 'corp', { sid: 'sid-r' });
  const [header = '', claims = '', signature = ''] = token.split('.');
  for (const same of [token, `${token}=`, `${header}.${claims}.${signature}==`, `${token} `, ` ${token}`]) {
    t.is((await post(same)).status, 400, same.slice(-8));
  }
  t.true(await isAlive(browser));
});

test.serial('K238, K239: forged tokens are slowed down, fetch no keys, and tell nothing', async (t) => {
  const known = await signIn(corp, 'corp', { sid: 'sid-known' });
  const unknown = await post(logoutToken(corp, logoutClaims(corp, { sid: 'sid-unknown' })));
  const ended = await post(logoutToken(corp, logoutClaims(corp, { sid: 'sid-known' })));
  t.false(await isAlive(known));
  const { date: _, ...quiet } = unknown.headers;
  t.like(ended, { status: unknown.status, text: unknown.text });
  t.deepEqual(
    Object.keys(ended.headers).filter((name) => name !== 'date'),
    Object.keys(quiet),
  );
  const fetched = corp.requests.filter((request) => request === 'GET /jwks').length;
  const { privateKey } = makeRsaKey('forged');
  const statuses = new Set<number>();
  for (let batch = 0; batch < 10; batch += 1) {
    const forged = Array.from({ length: 20 }, () =>
      forgeJwt({ alg: 'RS256', kid: 'forged', typ: 'logout+jwt' }, logoutClaims(corp), {
        kind: 'rs256',
        key: privateKey,
      }),
    );
    for (const { status } of await Promise.all(forged.map((token) => post(token)))) statuses.add(status);
  }
  t.deepEqual(statuses, new Set([400, 429]));
  t.true(corp.requests.filter((request) => request === 'GET /jwks').length <= fetched + 1);
});
