import test from 'ava';
import { createGrounds } from '../support/attack-runner.ts';
import type { Ground } from '../support/attack-runner.ts';
import { fixtures } from '../support/fixture.ts';
import { writes } from '../support/upstream.ts';
import { passwordOf } from '../support/users.ts';
import type { FixtureName } from '../support/users.ts';
import { createVisitor, navigationHeaders, sendTo } from '../support/visitor.ts';
import type { Ask, Reply, Visitor } from '../support/visitor.ts';

// Group N: what a browser is told, so that nobody can use it against its owner.
const grounds = createGrounds();
test.after.always(() => grounds.stop());

const ours = 'https://app.test';
const patient = { ...fixtures.plain, signIn: { throttle: { failures: 1000 } } };

const visitorOf = (ground: Ground): Visitor =>
  createVisitor(ground.gateway.port, { host: 'app.test', scheme: 'https' });

async function signedIn(ground: Ground, user: FixtureName): Promise<Visitor> {
  const visitor = visitorOf(ground);
  await visitor.signIn(user, passwordOf(user));
  return visitor;
}

const ask = (ground: Ground, path: string, more: Ask = {}): Promise<Reply> =>
  sendTo(ground.gateway.port, path, { host: 'app.test', ...more });

/** One of each page of ours that a person may see. */
async function everyPage(ground: Ground): Promise<Record<string, Reply>> {
  ground.upstream.script('/private/down', () => ({ kind: 'drop' }));
  const alice = await signedIn(ground, 'alice');
  const pages: Record<string, Reply> = {
    'sign-in': await visitorOf(ground).navigate('/_auth/sign-in'),
    'sign-in with a target': await visitorOf(ground).navigate('/_auth/sign-in?return_to=%2Fprivate%2Fx'),
    'wrong password': await visitorOf(ground).signIn('alice', 'wrong'),
    'refused form': await visitorOf(ground).navigate('/_auth/sign-in', {
      method: 'POST',
      body: 'username=alice&password=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.test' },
    }),
    'not found': await visitorOf(ground).navigate('/nowhere'),
    'not found below our own': await visitorOf(ground).navigate('/_auth/nothing'),
    denied: await alice.navigate('/admin/x'),
    'upstream down': await alice.navigate('/private/down'),
    'sign-out asked for elsewhere': await alice.navigate('/_auth/sign-out', {
      headers: { 'sec-fetch-site': 'cross-site' },
    }),
  };
  pages['signed out'] = await (await signedIn(ground, 'alice')).signOut();
  return pages;
}

test('N262 hdr-pages: every page of ours forbids what it does not need', async (t) => {
  const ground = await grounds.get(patient);
  for (const [name, page] of Object.entries(await everyPage(ground))) {
    const { headers } = page;
    if (page.status === 303 || page.status === 302) continue;
    const policy = String(headers['content-security-policy']);
    for (const directive of [
      /(^|;)\s*default-src [^;]+/,
      /(^|;)\s*frame-ancestors 'none'/,
      /(^|;)\s*object-src 'none'|(^|;)\s*default-src 'none'/,
      /(^|;)\s*base-uri 'none'/,
      /(^|;)\s*form-action [^;]+/,
    ])
      t.regex(policy, directive, name);
    t.notRegex(policy, /unsafe-inline|unsafe-eval|\*|http:(?!\/\/app\.test)|data:.*script/, name);
    t.is(String(headers['x-frame-options']).toUpperCase(), 'DENY', name);
    t.is(headers['x-content-type-options'], 'nosniff', name);
    t.regex(String(headers['referrer-policy']), /no-referrer|same-origin/, name);
    t.is(headers['cross-origin-opener-policy'], 'same-origin', name);
    t.regex(String(headers['content-type']), /^text\/html; ?charset=utf-8$/i, name);
    t.is(headers.server, undefined, name);
    t.is(headers['x-powered-by'], undefined, name);
  }
});

test('N263 hdr-nostore: nothing of ours may be kept', async (t) => {
  const ground = await grounds.get(patient);
  const replies = {
    ...(await everyPage(ground)),
    'redirect to sign-in': await ask(ground, '/private/x', { headers: navigationHeaders }),
    '401': await ask(ground, '/private/x'),
    '404': await ask(ground, '/nowhere'),
    '403': await (await signedIn(ground, 'alice')).send('/admin/x'),
    'after the password': await visitorOf(ground).signIn('alice', passwordOf('alice')),
    userinfo: await (await signedIn(ground, 'alice')).send('/_auth/userinfo'),
    unreadable: await ask(ground, '/private/..%2fadmin'),
    'wrong method': await ask(ground, '/_auth/sign-in', { method: 'DELETE' }),
  };
  for (const [name, reply] of Object.entries(replies)) t.is(reply.headers['cache-control'], 'no-store', name);
});

test('N264 deny-asset: a script that may not be loaded is no page that a cache could keep', async (t) => {
  const ground = await grounds.get(patient);
  for (const headers of [
    { accept: '*/*', 'sec-fetch-dest': 'script', 'sec-fetch-mode': 'no-cors' },
    { accept: 'text/css,*/*;q=0.1', 'sec-fetch-dest': 'style', 'sec-fetch-mode': 'no-cors' },
    { accept: 'image/avif,image/webp,*/*', 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' },
    { accept: '*/*', 'sec-fetch-dest': 'serviceworker', 'sec-fetch-mode': 'same-origin', 'service-worker': 'script' },
    { accept: '*/*', 'sec-fetch-dest': 'manifest', 'sec-fetch-mode': 'cors' },
    { accept: '*/*' },
    {},
  ]) {
    const reply = await ask(ground, '/private/app.js', { headers });
    t.is(reply.status, 401, JSON.stringify(headers));
    t.is(reply.headers['cache-control'], 'no-store');
    t.notRegex(String(reply.headers['content-type']), /text\/html/);
  }
});

test('N265 deny-api: a program gets 401 and a problem that it can read, never a sign-in page', async (t) => {
  const ground = await grounds.get(patient);
  for (const headers of [
    { accept: 'application/json' },
    { accept: 'application/json, text/plain, */*' },
    { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' },
    { accept: '*/*', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { accept: 'text/html', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { accept: 'text/event-stream', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { accept: '*/*', 'user-agent': 'curl/8.5.0' },
    { accept: '*/*', 'user-agent': 'git/2.50' },
  ]) {
    const reply = await ask(ground, '/private/api', { headers });
    t.is(reply.status, 401, JSON.stringify(headers));
    t.is(reply.location, null);
    t.regex(String(reply.headers['content-type']), /^application\/problem\+json/);
    t.truthy(reply.headers['www-authenticate']);
    const problem = JSON.parse(reply.text) as Record<string, unknown>;
    t.is(problem['status'], 401);
    t.regex(String(problem['signInUrl']), /^https:\/\/app\.test\/_auth\/sign-in\?/);
    t.is(typeof problem['requestId'], 'string');
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'OPTIONS']) {
    const reply = await ask(ground, '/private/api', { method, headers: navigationHeaders });
    t.is(reply.status, 401, method);
  }
  const head = await ask(ground, '/private/x', { method: 'HEAD', headers: navigationHeaders });
  t.is(head.status, 302, 'HEAD is answered as GET would be');
});

test('N266 deny-post: what a stranger posts is neither kept nor sent on after the sign-in', async (t) => {
  const ground = await grounds.get(patient);
  const visitor = visitorOf(ground);
  const reply = await visitor.navigate('/private/form', {
    method: 'POST',
    body: 'order=evil-order',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: ours },
  });
  t.true([401, 303].includes(reply.status));
  t.false(reply.text.includes('evil-order'));
  const signIn = await visitor.signIn('alice', passwordOf('alice'), { returnTo: '/private/form' });
  t.is((await visitor.navigate((signIn.location ?? '').replace(ours, ''))).status, 200);
  t.deepEqual(
    ground.upstream.requests
      .filter(({ target }) => target === '/private/form')
      .map(({ method, body }) => [method, body.length]),
    [['GET', 0]],
  );
});

test('N267 deny-304: conditions and ranges open nothing', async (t) => {
  const ground = await grounds.get(patient);
  for (const headers of [
    { 'if-none-match': '*' },
    { 'if-none-match': '"abc"' },
    { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
    { 'if-match': '*' },
    { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    { range: 'bytes=0-10' },
    { range: 'bytes=0-10', 'if-range': '"abc"' },
  ])
    for (const kind of [{}, navigationHeaders]) {
      const reply = await ask(ground, '/private/conditional', { headers: { ...kind, ...headers } });
      t.true([302, 401].includes(reply.status), JSON.stringify(headers));
    }
  t.false(ground.upstream.requests.some(({ target }) => target === '/private/conditional'));
});

test('N268 hsts: pages of an https site say for a year that it is one', async (t) => {
  const ground = await grounds.get(patient);
  for (const [name, page] of Object.entries(await everyPage(ground))) {
    const maxAge = Number(/max-age=(\d+)/.exec(String(page.headers['strict-transport-security']))?.[1] ?? 0);
    t.true(maxAge >= 31_536_000, name);
  }
  const plain = await grounds.get({ ...patient, server: { publicUrl: 'http://app.test' } });
  const page = await ask(plain, '/_auth/sign-in', { headers: navigationHeaders });
  t.is(page.headers['strict-transport-security'], undefined, 'a site on http must not say so');
});

test('N269 csrf-all: no other site changes anything here in the name of who is signed in', async (t) => {
  const ground = await grounds.get(patient);
  const foreign = [
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://sib.test', 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { origin: 'http://app.test', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign)
    for (const path of ['/_auth/sign-out', '/_auth/logout', '/_auth/sign-in']) {
      const alice = await signedIn(ground, 'alice');
      const token = alice.token();
      const reply = await alice.navigate(path, {
        method: 'POST',
        body: 'username=bob&password=x',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
      t.is(reply.status, 403, `${path} ${JSON.stringify(headers)}`);
      t.is(alice.token(), token);
      t.is((await alice.navigate('/private/x')).status, 200);
    }
  // K227: GETs from elsewhere, as a link and as an image, end nothing either.
  for (const headers of [
    { ...navigationHeaders, 'sec-fetch-site': 'cross-site' },
    { ...navigationHeaders, 'sec-fetch-site': 'same-site' },
    { accept: 'image/*', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { accept: '*/*', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { ...navigationHeaders, 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' },
  ]) {
    const alice = await signedIn(ground, 'alice');
    await alice.send('/_auth/sign-out', { headers });
    t.not(alice.token(), null);
    t.is((await alice.navigate('/private/x')).status, 200, JSON.stringify(headers));
  }
  const alice = await signedIn(ground, 'alice');
  await alice.navigate('/_auth/sign-out', {
    method: 'POST',
    headers: { origin: ours, 'sec-fetch-site': 'same-origin' },
  });
  t.is((await alice.navigate('/private/x')).status, 302, 'an own POST does');
});

test('N270 cors-none: no other origin may read our own answers', async (t) => {
  const ground = await grounds.get(patient);
  const alice = await signedIn(ground, 'alice');
  for (const path of [
    '/_auth/sign-in',
    '/_auth/sign-out',
    '/_auth/health',
    '/_auth/userinfo',
    '/_auth/nothing',
    '/nowhere',
  ])
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await alice.send(path, {
        method,
        headers: {
          origin: 'https://evil.test',
          'access-control-request-method': 'GET',
          'sec-fetch-site': 'cross-site',
          'sec-fetch-mode': 'cors',
        },
      });
      const granted = Object.keys(reply.headers).filter((name) => name.startsWith('access-control-'));
      t.deepEqual(granted, [], `${method} ${path}`);
    }
});

test('N271 frame: our pages stand in nobody else’s frame', async (t) => {
  const ground = await grounds.get(patient);
  for (const destination of ['iframe', 'frame', 'object', 'embed']) {
    const reply = await ask(ground, '/_auth/sign-in', {
      headers: { ...navigationHeaders, 'sec-fetch-dest': destination, 'sec-fetch-site': 'cross-site' },
    });
    if (reply.status !== 403) {
      t.regex(String(reply.headers['content-security-policy']), /frame-ancestors 'none'/);
      t.is(reply.headers['x-frame-options'], 'DENY');
    } else t.pass();
  }
});

test('N272 err-clean: an error tells nothing of what is behind it', async (t) => {
  const ground = await grounds.get(patient);
  const alice = await signedIn(ground, 'alice');
  ground.upstream.script('/private/drop', () => ({ kind: 'drop' }));
  ground.upstream.script('/private/garbage', writes('NOT HTTP AT ALL evil-detail\r\n\r\n'));
  ground.upstream.script('/private/oddly', writes('HTTP/1.1 999 Evil\r\nContent-Length: 0\r\n\r\n'));
  const replies = [
    await ask(ground, '/private/%zz', { headers: navigationHeaders }),
    await ask(ground, '/private/..%2fx'),
    await alice.navigate('/admin/x'),
    await alice.send('/admin/x'),
    await alice.navigate('/nowhere'),
    await alice.send('/nowhere'),
    await alice.navigate('/private/drop'),
    await alice.send('/private/drop'),
    await alice.navigate('/private/garbage'),
    await alice.send('/private/oddly'),
    await alice.navigate('/_auth/sign-in', { method: 'PUT' }),
    await alice.navigate('/_auth/sign-in', {
      method: 'POST',
      body: '%'.repeat(1_000),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: ours },
    }),
  ];
  for (const reply of replies) {
    t.true(reply.status >= 400, String(reply.status));
    const told = `${JSON.stringify(reply.headers)} ${reply.text}`;
    for (const detail of [
      /\bat .*\.(ts|js|mjs):\d+/,
      /node_modules|node:internal|\/src\//,
      /\b(undici|koa|keyv|httpxy|sqlite|redis)\b/i,
      /ECONN|ENOENT|UND_ERR|HPE_/,
      new RegExp(`127\\.0\\.0\\.1|${ground.upstream.port}`),
      /evil-detail/,
      /v\d+\.\d+\.\d+/,
      /\badmins\b/,
    ])
      t.notRegex(told, detail);
  }
});

test('N273 page-self: our pages load from nowhere else, and a password manager finds its way', async (t) => {
  const ground = await grounds.get(patient);
  for (const [name, page] of Object.entries(await everyPage(ground))) {
    for (const [, target] of page.text.matchAll(
      /<(?:link|script|img|source|iframe)\b[^>]*\s(?:href|src)="([^"]*)"/gi,
    )) {
      const url = new URL(target!, `${ours}/_auth/sign-in`);
      t.is(url.origin, ours, name);
      t.true(url.pathname.startsWith('/_auth/'), `${name}: ${target}`);
      const loaded = await ask(ground, url.pathname + url.search);
      t.is(loaded.status, 200, target);
      t.is(loaded.headers['x-content-type-options'], 'nosniff');
    }
    const nonce = /'nonce-([^']+)'/.exec(String(page.headers['content-security-policy']))?.[1];
    for (const [script] of page.text.matchAll(/<script\b[^>]*>/gi))
      t.true(/\ssrc="/.test(script) || (nonce !== undefined && script.includes(`nonce="${nonce}"`)), name);
    t.notRegex(page.text, /\son\w+\s*=\s*["']/i, `${name}: handlers in markup`);
    t.notRegex(page.text, /\sstyle\s*=\s*["']/i, `${name}: styles in markup`);
  }
  const { text } = await ask(ground, '/_auth/sign-in', { headers: navigationHeaders });
  const field = /<input\b[^>]*name="password"[^>]*>/i.exec(text)?.[0] ?? '';
  t.regex(field, /autocomplete="current-password"/);
  t.regex(field, /type="password"/);
  t.notRegex(text, /onpaste|user-select|maxlength="?\d{1,2}"?[^\d]/i);
  t.regex(text, /<input\b[^>]*name="username"[^>]*autocomplete="username/i);
});

test('N274 app-headers: an app’s own headers arrive as it sent them, and none of ours are added', async (t) => {
  const ground = await grounds.get(patient);
  const own = [
    "Content-Security-Policy: default-src 'self' https://cdn.test",
    'X-Frame-Options: SAMEORIGIN',
    'Access-Control-Allow-Origin: https://friend.test',
    'Access-Control-Allow-Credentials: true',
    'Cache-Control: public, max-age=60',
    'Referrer-Policy: unsafe-url',
    'Server: app/1.0',
    'X-Powered-By: app',
    'Strict-Transport-Security: max-age=1',
    'ETag: "x"',
    'Vary: Origin',
  ];
  ground.upstream.script(
    '/private/own',
    writes(`HTTP/1.1 200 OK\r\n${own.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`),
  );
  ground.upstream.script('/private/bare', writes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const alice = await signedIn(ground, 'alice');
  const reply = await alice.send('/private/own');
  t.is(reply.status, 200);
  for (const line of own) {
    const [name = '', value] = line.split(/: (.*)/s);
    t.is(reply.headers[name.toLowerCase()], value, name);
  }
  const bare = await alice.send('/private/bare');
  const added = Object.keys(bare.headers).filter(
    (name) => !['content-length', 'date', 'connection', 'keep-alive', 'x-request-id'].includes(name),
  );
  t.deepEqual(added, []);
});

test('K229 logout-anon: signing out without a session, twice, or with a dead cookie is no error', async (t) => {
  const ground = await grounds.get(patient);
  const stranger = visitorOf(ground);
  const twice = await signedIn(ground, 'alice');
  await twice.signOut();
  const dead = visitorOf(ground);
  dead.cookies.set('__Host-sallyport', 'D'.repeat(43));
  const odd = visitorOf(ground);
  odd.cookies.set('__Host-sallyport', '../x');
  for (const visitor of [stranger, twice, dead, odd]) {
    const reply = await visitor.signOut();
    t.true([200, 302, 303].includes(reply.status), String(reply.status));
    t.is(reply.headers['cache-control'], 'no-store');
    t.is(visitor.token(), null);
  }
});
