import { createPublicKey } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { forgeJwt, makeRsaKey } from '../support/forge-jwt.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { createOidcBrowser, type OidcBrowser } from '../support/oidc-browser.ts';
import { startStubProvider, type StubProvider } from '../support/stub-provider.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import type { Reply } from '../support/visitor.ts';

// Group J: what a provider, or somebody in its stead, may say without getting anybody in.

const publicUrl = 'https://app.test';
const clientSecret = 'the-secret-of-this-client-0123456789';
const hour = 3_600_000;

let offset = 0;
const now = () => Date.now() + offset;
let corp: StubProvider;
let second: StubProvider;
let upstream: Upstream;
let gateway: TestGateway;
let config: Record<string, unknown>;

test.before(async () => {
  [corp, second, upstream] = await Promise.all([
    startStubProvider('gateway', now),
    startStubProvider('gateway', now),
    startUpstream(),
  ]);
  const provider = (id: string, { issuer }: StubProvider) => ({ id, issuer, clientId: 'gateway', clientSecret });
  config = {
    server: { publicUrl },
    signIn: { oidc: [provider('corp', corp), provider('second', second)] },
    routes: [
      { id: 'app', host: 'app.test', path: '/', upstream: upstream.origin },
      {
        id: 'corp-only',
        host: 'app.test',
        path: '/corp-only',
        upstream: upstream.origin,
        access: [{ allow: { emailDomains: ['corp.test'] } }],
      },
      {
        id: 'admin',
        host: 'app.test',
        path: '/admin',
        upstream: upstream.origin,
        access: [{ allow: { groups: ['admins'] } }],
      },
    ],
  };
  gateway = await startTestGateway({ config, now });
});
test.beforeEach(() => {
  corp.reset();
  second.reset();
});
test.after.always(async () => {
  await gateway?.stop();
  await Promise.all([corp, second, upstream].map((one) => one?.stop()));
});

/** Sends a browser off and gives it back as the provider would: with a code, the state, and `iss`. */
async function depart(browser: OidcBrowser, stub = corp, id = 'corp'): Promise<URLSearchParams> {
  const { next } = await browser.open(`/_auth/sign-in/${id}?return_to=%2F`, (to) => to.origin !== publicUrl);
  stub.nonce = next?.searchParams.get('nonce') ?? '';
  return new URLSearchParams({ code: 'a-code', state: next?.searchParams.get('state') ?? '', iss: stub.issuer });
}

function comeBack(browser: OidcBrowser, parameters: URLSearchParams | string, id = 'corp'): Promise<Reply> {
  return browser.gateway.navigate(`/_auth/callback/${id}?${parameters.toString()}`);
}

const newBrowser = (): OidcBrowser => createOidcBrowser({ gatewayPort: gateway.port, publicUrl });

/** A whole sign-in; the browser and what it got in the end. */
async function signIn(browser = newBrowser()): Promise<{ readonly browser: OidcBrowser; readonly reply: Reply }> {
  return { browser, reply: await comeBack(browser, await depart(browser)) };
}

function isRefused(t: ExecutionContext, { browser, reply }: Awaited<ReturnType<typeof signIn>>, title: string): void {
  t.true(reply.status >= 400, `${title}: ${String(reply.status)}`);
  t.is(browser.gateway.token(), null, title);
  t.regex(reply.headers['cache-control'] ?? '', /no-store/, title);
}

async function refuses(t: ExecutionContext, title: string, wrong: () => void): Promise<void> {
  corp.reset();
  wrong();
  isRefused(t, await signIn(), title);
  corp.reset();
}

const rs256 = () => ({ kind: 'rs256', key: corp.key.privateKey }) as const;

test.serial('J194–196, J199, J200, J217: only the answer to this browser’s own question is looked at', async (t) => {
  const good = await signIn();
  t.is(good.reply.status, 303);
  t.truthy(good.browser.gateway.token());
  const calls = corp.requests.length;
  const wrong: readonly (readonly [string, (parameters: URLSearchParams) => string])[] = [
    ['no state', (p) => (p.delete('state'), p.toString())],
    ['empty state', (p) => (p.set('state', ''), p.toString())],
    ['wrong state', (p) => (p.set('state', 'x'.repeat(43)), p.toString())],
    ['two states', (p) => `${p.toString()}&state=${p.get('state') ?? ''}`],
    ['two codes', (p) => `${p.toString()}&code=other`],
    ['two issuers', (p) => `${p.toString()}&iss=other`],
    ['no issuer, though announced', (p) => (p.delete('iss'), p.toString())],
    ['another issuer', (p) => (p.set('iss', second.issuer), p.toString())],
    ['the issuer with a slash', (p) => (p.set('iss', `${corp.issuer}/`), p.toString())],
    ['a code and an error', (p) => (p.set('error', 'access_denied'), p.toString())],
    ['an error alone', (p) => (p.delete('code'), p.set('error', 'login_required'), p.toString())],
    ['an answer in a JWT', (p) => (p.set('response', 'a.b.c'), p.toString())],
    ['an ID token beside the code', (p) => (p.set('id_token', corp.goodToken(corp.goodClaims())), p.toString())],
    ['no code', (p) => (p.delete('code'), p.toString())],
  ];
  for (const [title, change] of wrong) {
    const browser = newBrowser();
    const reply = await comeBack(browser, change(await depart(browser)));
    isRefused(t, { browser, reply }, title);
  }
  t.is(corp.requests.length, calls, 'no code was tried');
  // A mix-up: begun with one provider, answered at the other's address.
  const mixed = newBrowser();
  const parameters = await depart(mixed);
  isRefused(t, { browser: mixed, reply: await comeBack(mixed, parameters, 'second') }, 'mix-up');
  // Planted: the attacker's own answer in the victim's browser.
  const attacker = newBrowser();
  const planted = await depart(attacker);
  const { nonce } = corp;
  const victim = newBrowser();
  isRefused(t, { browser: victim, reply: await comeBack(victim, planted) }, 'login CSRF');
  await depart(victim);
  isRefused(t, { browser: victim, reply: await comeBack(victim, planted) }, 'login CSRF with a cookie of its own');
  corp.nonce = nonce;
  t.is((await comeBack(attacker, planted)).status, 303, 'the victim’s tries did not use it up');
});

test.serial('J197, J220: each start has a verifier of its own, and fifty starts make no cookie grow', async (t) => {
  const browser = newBrowser();
  let last = new URLSearchParams();
  for (let count = 0; count < 50; count += 1) last = await depart(browser);
  t.is(browser.gateway.cookies.size, 1);
  t.is((await comeBack(browser, last)).status, 303);
  const verifiers = corp.forms.map((form) => form.get('code_verifier'));
  t.is(new Set(verifiers).size, verifiers.length);
  for (const verifier of verifiers) t.regex(verifier ?? '', /^[\w-]{43}$/);
});

test.serial('J198, J201–203, J210, J211: an ID token that is not for this sign-in', async (t) => {
  const seconds = () => Math.floor(now() / 1_000);
  const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
    ['no nonce', { nonce: undefined }],
    ['another nonce', { nonce: 'x'.repeat(43) }],
    ['the issuer with a slash', { iss: `${corp.issuer}/` }],
    ['the issuer in capitals', { iss: corp.issuer.toUpperCase() }],
    ['another issuer', { iss: second.issuer }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'other' }],
    ['no audience', { aud: undefined }],
    ['two audiences and nobody authorized', { aud: ['gateway', 'other'] }],
    ['somebody else authorized', { aud: ['gateway', 'other'], azp: 'other' }],
    ['somebody else authorized, one audience', { azp: 'other' }],
    ['over', { exp: seconds() - 61, iat: seconds() - 400 }],
    ['without an end', { exp: undefined }],
    ['an end as text', { exp: String(seconds() + 300) }],
    ['an end beyond all time', { exp: 1e300 }],
    ['no time of issue', { iat: undefined }],
    ['issued in the future', { iat: seconds() + 600 }],
    ['not yet good', { nbf: seconds() + 600 }],
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['a number as subject', { sub: 7 }],
    ['a subject without end', { sub: 'x'.repeat(10_240) }],
    ['control characters in the subject', { sub: 'a\nb' }],
    ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ];
  for (const [title, claims] of wrong) await refuses(t, title, () => (corp.claims = claims));
  for (const typ of ['at+jwt', 'application/at+jwt', 'logout+jwt'])
    await refuses(t, typ, () => {
      corp.idToken = (claims) => forgeJwt({ alg: 'RS256', kid: corp.key.kid, typ }, claims, rs256());
    });
  await refuses(t, 'no ID token at all', () => (corp.idToken = () => undefined));
  corp.claims = { aud: ['gateway'] };
  t.is((await signIn()).reply.status, 303, 'one audience in a list');
});

test.serial('J204–207, J223: a signature that proves nothing', async (t) => {
  const attacker = makeRsaKey('stub-key');
  const jku = `${second.issuer}/jwks`;
  const before = second.requests.length;
  const pem = corp.key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const header = { alg: 'RS256', kid: 'stub-key' };
  const wrong: readonly (readonly [string, (claims: Record<string, unknown>) => string])[] = [
    ...['none', 'None', 'nOnE', ''].map(
      (alg) => [`alg ${alg}`, (claims: object) => forgeJwt({ alg }, claims, { kind: 'none' })] as const,
    ),
    ['no signature', (claims) => forgeJwt(header, claims, { kind: 'none' })],
    [
      'HS256 by the public key',
      (claims) => forgeJwt({ ...header, alg: 'HS256' }, claims, { kind: 'hs256', secret: pem }),
    ],
    [
      'HS256 by the JWK',
      (claims) =>
        forgeJwt({ ...header, alg: 'HS256' }, claims, { kind: 'hs256', secret: JSON.stringify(corp.key.jwk) }),
    ],
    [
      'HS256 by the client secret',
      (claims) => forgeJwt({ ...header, alg: 'HS256' }, claims, { kind: 'hs256', secret: clientSecret }),
    ],
    [
      'PS256 where RS256 is said',
      (claims) => forgeJwt({ ...header, alg: 'PS256' }, claims, { kind: 'ps256', key: corp.key.privateKey }),
    ],
    ['RS256 that is PS256', (claims) => forgeJwt(header, claims, { kind: 'ps256', key: corp.key.privateKey })],
    ['another key', (claims) => forgeJwt(header, claims, { kind: 'rs256', key: attacker.privateKey })],
    ...[{ jwk: attacker.jwk }, { jku }, { x5u: jku }, { x5c: ['MIIB'] }].map(
      (more) =>
        [
          Object.keys(more).join(),
          (claims: object) =>
            forgeJwt({ ...header, ...more, kid: 'attacker' }, claims, { kind: 'rs256', key: attacker.privateKey }),
        ] as const,
    ),
    ['crit', (claims) => forgeJwt({ ...header, crit: ['x'], x: 1 }, claims, rs256())],
    ['b64', (claims) => forgeJwt({ ...header, crit: ['b64'], b64: false }, claims, rs256())],
    ['double members', (claims) => forgeJwt('{"alg":"RS256","kid":"stub-key","kid":"stub-key"}', claims, rs256())],
    [
      'five parts',
      () =>
        `${Buffer.from('{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000}').toString('base64url')}.a.b.c.d`,
    ],
    ['no dots', () => 'x'],
    ['garbage', () => '....'],
  ];
  for (const [title, idToken] of wrong) await refuses(t, title, () => (corp.idToken = idToken));
  t.is(second.requests.length, before, 'nobody followed an address in a token');
  t.truthy(createPublicKey(pem));
});

test.serial('J208, J209: keys that are unknown, unfit, too many or not there', async (t) => {
  offset += 2 * hour;
  t.is((await signIn()).reply.status, 303);
  const loaded = corp.requests.filter((request) => request === 'GET /jwks').length;
  const attacker = makeRsaKey('unknown-key');
  corp.idToken = (claims) =>
    forgeJwt({ alg: 'RS256', kid: 'unknown-key' }, claims, { kind: 'rs256', key: attacker.privateKey });
  for (let count = 0; count < 20; count += 1) isRefused(t, await signIn(), 'unknown key');
  t.true(corp.requests.filter((request) => request === 'GET /jwks').length <= loaded + 1);
  const small = makeRsaKey('stub-key', 1024);
  const other = makeRsaKey('other-key');
  const unfit: readonly (readonly [string, string, ((claims: object) => string) | null])[] = [
    ['a secret key', JSON.stringify({ keys: [{ kty: 'oct', kid: 'stub-key', k: 'c2VjcmV0' }] }), null],
    ['a key for encryption', JSON.stringify({ keys: [{ ...corp.key.jwk, use: 'enc' }] }), null],
    [
      'a short key',
      JSON.stringify({ keys: [small.jwk] }),
      (claims) => forgeJwt({ alg: 'RS256', kid: 'stub-key' }, claims, { kind: 'rs256', key: small.privateKey }),
    ],
    ['no JSON', '<html>', null],
    ['no list', '{"keys":{}}', null],
    ['two megabytes', JSON.stringify({ keys: [corp.key.jwk], padding: 'x'.repeat(2_000_000) }), null],
    [
      'two keys and no id',
      JSON.stringify({ keys: [corp.key.jwk, other.jwk] }),
      (claims) => forgeJwt({ alg: 'RS256' }, claims, rs256()),
    ],
  ];
  for (const [title, jwks, idToken] of unfit) {
    offset += 2 * hour;
    await refuses(t, title, () => {
      corp.jwks = jwks;
      if (idToken !== null) corp.idToken = idToken;
    });
  }
  offset += 2 * hour;
  await refuses(t, 'a redirect', () => {
    corp.intercept = (request, response) => {
      if (request.url !== '/jwks') return false;
      response.writeHead(302, { location: `${second.issuer}/jwks` }).end();
      return true;
    };
  });
  t.is((await signIn()).reply.status, 303, 'and the good key is as good as before');
});

test.serial('J212–215: what a provider says of a person is taken for what it is', async (t) => {
  const at = async (path: string, claims: Record<string, unknown>, userinfo?: object) => {
    corp.reset();
    corp.claims = claims;
    if (userinfo !== undefined) corp.userinfo = { status: 200, body: JSON.stringify(userinfo) };
    const { browser, reply } = await signIn();
    t.is(reply.status, 303, JSON.stringify(claims).slice(0, 200));
    return (await browser.gateway.navigate(path)).status;
  };
  t.is(await at('/corp-only', { email: 'yuna@corp.test' }), 200);
  t.is(await at('/corp-only', { email: 'YUNA@CORP.TEST' }), 200);
  for (const email of [
    'a@evil.test@corp.test',
    'a@corp.test.evil.test',
    '"a@evil"@corp.test',
    'a@x.corp.test',
    'a@corp.test\n',
    'a@\u0441orp.test',
    '',
    7,
    ['yuna@corp.test'],
    undefined,
  ])
    t.is(await at('/corp-only', { email }), 403, String(email));
  for (const verified of [false, 'true', 1, null, undefined])
    t.is(await at('/corp-only', { email_verified: verified }), 403, String(verified));
  const swapped = { sub: 'subject-1', email: 'boss@corp.test' };
  t.is(await at('/corp-only', { email: 'yuna@evil.test' }, swapped), 403, 'one verified, the other taken');
  t.is(await at('/admin', { groups: ['admins'] }), 200);
  for (const groups of [
    'a,admins',
    ['a,admins'],
    null,
    { admins: true },
    7,
    [['admins']],
    ['Admins', 'admins '],
    { 0: 'admins' },
  ])
    t.is(await at('/admin', { groups }), 403, JSON.stringify(groups));
  t.is(await at('/admin', { groups: 'admins' }), 200, 'a text is a group');
  await refuses(
    t,
    'ten thousand groups',
    () => (corp.claims = { groups: Array.from({ length: 10_000 }, (_, n) => `g${String(n)}`) }),
  );
  for (const name of ['', 'a\nb', 'x'.repeat(300), ' ', 7])
    if (typeof name === 'string' && name !== '')
      await refuses(
        t,
        `user name ${JSON.stringify(name).slice(0, 20)}`,
        () => (corp.claims = { preferred_username: name }),
      );
  for (const [title, status, body] of [
    ['another subject', 200, '{"sub":"subject-2"}'],
    ['no subject', 200, '{}'],
    ['a list', 200, '[]'],
    ['over a megabyte', 200, JSON.stringify({ sub: 'subject-1', x: 'x'.repeat(1_100_000) })],
    ['an error', 500, '{}'],
  ] as const)
    await refuses(t, `userinfo: ${title}`, () => (corp.userinfo = { status, body }));
});

test.serial('J216: a token endpoint that is down, slow to refuse, or somewhere else', async (t) => {
  for (const [status, body] of [
    [500, '{}'],
    [503, 'no'],
    [400, '{"error":"invalid_grant"}'],
    [401, '{"error":"invalid_client"}'],
    [200, '<html>'],
    [200, '[]'],
    [200, 'null'],
  ] as const)
    await refuses(t, `${String(status)} ${body}`, () => (corp.tokenFailure = { status, body }));
  await refuses(t, 'a redirect', () => {
    corp.intercept = (request, response) => {
      if (request.url !== '/token') return false;
      response.writeHead(307, { location: `${second.issuer}/token` }).end();
      return true;
    };
  });
  await refuses(t, 'a connection that breaks', () => {
    corp.intercept = (request) => (request.url === '/token' ? (request.socket.destroy(), true) : false);
  });
  t.false(second.requests.includes('POST /token'));
  t.is((await signIn()).reply.status, 303, 'and works again');
});

test.serial('J216: metadata of somebody else, or that would have us speak in the clear', async (t) => {
  const start = async (title: string) => {
    await gateway.reload(config);
    const browser = newBrowser();
    const reply = await browser.gateway.navigate('/_auth/sign-in/corp');
    t.is(reply.status, 503, title);
    t.is(reply.location, null, title);
  };
  for (const metadata of [
    { issuer: `${corp.issuer}/` },
    { issuer: second.issuer },
    { issuer: undefined },
    { authorization_endpoint: undefined },
    { authorization_endpoint: 'javascript:alert(1)' },
    { token_endpoint: 'ftp://127.0.0.1/' },
    { jwks_uri: undefined },
    { id_token_signing_alg_values_supported: ['none', 'HS256'] },
  ]) {
    corp.metadata = metadata;
    await start(JSON.stringify(metadata));
  }
  corp.reset();
  corp.intercept = (_request, response) => {
    response.writeHead(302, { location: `${second.issuer}/.well-known/openid-configuration` }).end();
    return true;
  };
  await start('a redirect');
  corp.reset();
  await gateway.reload(config);
  t.is((await signIn()).reply.status, 303);
});

test.serial('J218, J219, J224: an answer, an address or a host of somebody else’s making', async (t) => {
  const hostile = '<script>alert(1)</script>"\'`{{x}}%0d%0aSet-Cookie:x=y';
  for (const name of ['error', 'error_description', 'error_uri', 'state', 'code', 'iss']) {
    const browser = newBrowser();
    const parameters = await depart(browser);
    parameters.set('error', 'access_denied');
    parameters.set(name, hostile);
    const reply = await comeBack(browser, parameters);
    isRefused(t, { browser, reply }, name);
    t.notRegex(reply.text, /<script>alert|\{\{x\}\}/, name);
    t.is(reply.setCookies.length, 0, name);
  }
  const elsewhere = newBrowser();
  const asked = await elsewhere.gateway.send('/_auth/sign-in/corp', { host: 'evil.test' });
  t.is(asked.status, 404);
  t.is((await elsewhere.gateway.send('/_auth/callback/corp?state=x', { host: 'evil.test' })).status, 404);
  t.is((await elsewhere.gateway.send('/_auth/sign-in/unknown')).status, 404);
});

test.serial('J221: a refreshed token that is somebody else’s, or nobody’s, ends the session', async (t) => {
  const refreshing = { refresh_token: 'a-refresh-token', expires_in: 60 };
  for (const [title, wrong] of [
    ['another subject', () => (corp.claims = { sub: 'subject-2', nonce: undefined })],
    ['another issuer', () => (corp.claims = { iss: second.issuer, nonce: undefined })],
    [
      'a bad signature',
      () => {
        const { privateKey } = makeRsaKey('stub-key');
        corp.idToken = (claims) =>
          forgeJwt({ alg: 'RS256', kid: 'stub-key' }, claims, { kind: 'rs256', key: privateKey });
      },
    ],
    ['invalid_grant', () => (corp.tokenFailure = { status: 400, body: '{"error":"invalid_grant"}' })],
  ] as const) {
    corp.reset();
    corp.token = refreshing;
    const { browser } = await signIn();
    t.is((await browser.gateway.send('/')).status, 200, title);
    wrong();
    offset += 61_000;
    t.is((await browser.gateway.send('/')).status, 401, title);
  }
  corp.reset();
  corp.token = refreshing;
  const { browser } = await signIn();
  offset += 61_000;
  corp.idToken = () => undefined;
  corp.token = { refresh_token: 'another-refresh-token', expires_in: 60 };
  t.is((await browser.gateway.send('/')).status, 200, 'no ID token needs to come with a refresh');
  offset += 61_000;
  t.is((await browser.gateway.send('/')).status, 200);
  t.deepEqual(
    corp.forms.slice(-2).map((form) => form.get('refresh_token')),
    ['a-refresh-token', 'another-refresh-token'],
  );
});

test.serial('J222: no line of the log holds a token, a code or a secret', (t) => {
  const lines = gateway.logs().join('\n');
  for (const secret of ['an-access-token', 'a-refresh-token', 'a-code', clientSecret, 'eyJ'])
    t.false(lines.includes(secret), secret);
});
