import test from 'ava';
import { compileBasicAuth, compileHeaderSet } from '../../../src/identity/header-sets.ts';
import type { CanonicalPath } from '../../../src/request/facts.ts';
import { alice, exchange, get, request, routeTo, startForwarder, startRecorder, values, visitorOf } from './support.ts';

const everySet = ['remote', 'forwarded', 'auth-request'] as const;
const forgedNames = [
  'Remote-User',
  'Remote-Groups',
  'X-Forwarded-User',
  'X-Auth-Request-Email',
  'Sallyport-Jwt-Assertion',
  'Remote_User',
  'REMOTE_USER',
  'X_Forwarded_User',
  'Sallyport_Jwt_Assertion',
  'Remote.User',
  'X.Forwarded.User',
  'Remote-_User',
  'Remote_.User',
  'X-Real-IP',
  'X_Forwarded_Proto',
  'Forwarded',
  'X-Original-URL',
  'X-HTTP-Method-Override',
];
const forged = forgedNames.map((name) => `${name}: admin`);

test('tells the upstream who asks, once, whatever the visitor sent', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin, { headers: compileHeaderSet([...everySet]) }));
  await get(gateway.port, '/private/x', ...forged, 'rEmOtE-uSeR: a', 'REMOTE-USER: c');
  const [text = ''] = up.received;
  t.false(text.includes('admin'), text);
  t.deepEqual(values(text, 'remote-user'), ['alice']);
  t.deepEqual(values(text, 'x-forwarded-user'), ['alice']);
  t.deepEqual(values(text, 'x-auth-request-email'), ['alice@example.com']);
  t.deepEqual(values(text, 'remote-name'), [Buffer.from('Zoë 田中').toString('latin1')]);
  t.deepEqual(values(text, 'remote-groups'), ['users,editors']);
});

test('tells nothing where anyone may pass, and strips all the same', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin, { headers: compileHeaderSet([...everySet]) }), {
    visitor: null,
  });
  await get(gateway.port, '/public/x', ...forged);
  const [text = ''] = up.received;
  t.false(/admin|remote|alice/i.test(text), text);
});

test('strips a header also when it has no value of its own for it', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin), { visitor: visitorOf({ ...alice, email: '' }) });
  await get(gateway.port, '/', 'Remote-Email: x@evil.test');
  t.deepEqual(values(up.received[0] ?? '', 'remote-email'), []);
});

test('answers 100-continue itself, with everything stripped and set as always', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  const lines = ['Expect: 100-continue', 'Remote-User: admin', 'Cookie: gw=secret', 'Content-Length: 5'];
  const answer = await exchange(gateway.port, request('POST', '/private/x', lines, 'hello'));
  t.true(answer.startsWith('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n'), answer);
  const [text = ''] = up.received;
  t.deepEqual(values(text, 'remote-user'), ['alice']);
  t.false(/expect|secret|admin/i.test(text), text);
  t.true(text.endsWith('\r\n\r\nhello'));
});

test('lets Connection take away neither what we set nor Host, Cookie and framing', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  await get(
    gateway.port,
    '/',
    'Connection: keep-alive, Remote-User, Sallyport-Jwt-Assertion, Cookie, Host',
    'connection: close, x-real-ip, X-Forwarded-For, x-secret, Content-Length',
    'X-Secret: s',
    'Cookie: a=1',
  );
  const [text = ''] = up.received;
  t.deepEqual(values(text, 'remote-user'), ['alice']);
  t.deepEqual(values(text, 'cookie'), ['a=1']);
  t.deepEqual(values(text, 'host'), ['app.test']);
  t.deepEqual(values(text, 'x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(values(text, 'x-secret'), []);
  t.deepEqual(values(text, 'connection'), ['keep-alive']);
});

test('passes no hop-by-hop header on', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  const names = ['TE', 'Trailer', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'Proxy-Authenticate'];
  await get(gateway.port, '/', ...names.map((name) => `${name}: gone`), 'HTTP2-Settings: gone', 'Proxy: gone');
  t.false((up.received[0] ?? '').includes('gone'));
});

test('passes everything else byte for byte, in its order and spelling', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  const lines = [
    'x-CaSe: One',
    'X-Double: 1',
    'Accept: */*',
    'X-Double: 2',
    '__proto__: p',
    'constructor: c',
    'X-Latin: \xe9',
  ];
  await exchange(gateway.port, Buffer.from(request('GET', '/a%2Fb/./c//d|[x]?q=%zz&a=/../', lines), 'latin1'));
  const [text = ''] = up.received;
  t.true(text.startsWith('GET /a%2Fb/./c//d|[x]?q=%zz&a=/../ HTTP/1.1\r\n'), text);
  t.true(text.includes(`\r\n${lines.join('\r\n')}\r\n`), text);
});

test('cuts our cookies out of Cookie and leaves the others byte for byte', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  await get(gateway.port, '/', 'Cookie: a=1; gw=SID; b="2 "');
  await get(gateway.port, '/', 'Cookie: gw=SID');
  await get(gateway.port, '/', 'Cookie: __Host-gw=1; x=y', 'Cookie: gw-form=1;gw.0=2; z=1');
  t.deepEqual(
    up.received.flatMap((text) => values(text, 'cookie')),
    ['a=1; b="2 "', 'x=y; z=1'],
  );
});

test('passes Authorization unless it was ours, and puts in one for the app', async (t) => {
  const up = await startRecorder(t);
  const basicAuth = compileBasicAuth({ user: '{user}', password: 'pässword' });
  const plain = await startForwarder(t, routeTo(up.origin));
  const consumed = await startForwarder(t, routeTo(up.origin), { visitor: visitorOf(alice, true) });
  const injecting = await startForwarder(t, routeTo(up.origin, { basicAuth }));
  const anonymousBasic = await startForwarder(t, routeTo(up.origin, { acceptBasic: true }), { visitor: null });
  await get(plain.port, '/', 'Authorization: Bearer x');
  await get(consumed.port, '/', 'Authorization: Basic x');
  await get(injecting.port, '/', 'Authorization: Bearer x');
  await get(anonymousBasic.port, '/', 'Authorization: Basic x');
  await get(anonymousBasic.port, '/', 'Authorization: Bearer y');
  t.deepEqual(
    up.received.map((text) => values(text, 'authorization')),
    [['Bearer x'], [], [`Basic ${Buffer.from('alice:pässword').toString('base64')}`], [], ['Bearer y']],
  );
});

test('says where the request came from, in our own words', async (t) => {
  const up = await startRecorder(t);
  const facts = { forwardedFor: ['6.6.6.6', '9.9.9.9'], port: 8443 };
  const gateway = await startForwarder(t, routeTo(up.origin), { facts });
  await get(gateway.port, '/', 'X-Forwarded-For: 1.1.1.1', 'X-Request-Id: mine');
  const [text = ''] = up.received;
  t.deepEqual(values(text, 'x-forwarded-for'), ['6.6.6.6, 9.9.9.9, 127.0.0.1']);
  t.deepEqual(values(text, 'x-forwarded-host'), ['app.test']);
  t.deepEqual(values(text, 'x-forwarded-proto'), ['https']);
  t.deepEqual(values(text, 'x-forwarded-port'), ['8443']);
  t.deepEqual(values(text, 'x-request-id'), ['request-1']);
});

test('frames a body as the visitor did, for every method', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  const smuggled = 'GET /SMUGGLED HTTP/1.1\r\nHost: app.test\r\nRemote-User: admin\r\n\r\n';
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT', 'LOCK', 'POST']) {
    up.received.length = 0;
    const length = [`Content-Length: ${smuggled.length}`];
    await exchange(gateway.port, request(method, '/cl', length, smuggled));
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\nRemote-User: admin\r\n\r\n`;
    await exchange(gateway.port, request(method, '/te', ['Transfer-Encoding: chunked'], chunk));
    t.is(up.received.length >= 1, true);
    const all = up.received.join('');
    const heads = all.split(smuggled).join('');
    t.is(all.split(smuggled).length, 3, `${method}: both bodies arrive`);
    t.is(heads.match(/^[A-Z]+ \/\S+ HTTP\/1\.1\r$/gm)?.length, 2, `${method}: two requests, no more`);
    t.false(heads.includes('admin'), `${method}: no trailer arrives`);
    t.regex(
      all,
      new RegExp(`^${method} /cl HTTP/1\\.1\r\n(?:.+\r\n)+content-length: ${smuggled.length}\r\n\r\n`, 'im'),
    );
  }
});

test('gives a WebDAV request without a body no framing', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin));
  for (const method of ['MKCOL', 'LOCK', 'UNLOCK', 'MOVE', 'COPY', 'REPORT', 'DELETE', 'GET', 'SEARCH'])
    await exchange(gateway.port, request(method, '/dav/x'));
  for (const text of up.received) t.false(/content-length|transfer-encoding/i.test(text), text);
});

test('fits Destination to the upstream', async (t) => {
  const up = await startRecorder(t);
  const plain = await startForwarder(t, routeTo(up.origin));
  const stripped = await startForwarder(
    t,
    routeTo(up.origin, { path: '/dav' as CanonicalPath, upstreamPath: '/', preserveHost: false }),
  );
  await exchange(plain.port, request('MOVE', '/a', ['Destination: https://app.test/b%20c']));
  await exchange(plain.port, request('MOVE', '/a', ['Destination: https://other.test/b']));
  await exchange(stripped.port, request('MOVE', '/dav/a', ['Destination: https://app.test/dav/b']));
  t.deepEqual(
    up.received.flatMap((text) => values(text, 'destination')),
    ['http://app.test/b%20c', 'https://other.test/b', `${up.origin}/b`],
  );
});

test('takes the prefix away without ever leaving a path that reads as a host', async (t) => {
  const up = await startRecorder(t);
  const gateway = await startForwarder(t, routeTo(up.origin, { path: '/app/one' as CanonicalPath, upstreamPath: '/' }));
  for (const path of [
    '/app/one',
    '/app/one/',
    '/app/one/x?a=/b',
    '/%61pp/one/%2e',
    '/app/one//evil.test/x',
    '/app/one?q',
  ])
    await get(gateway.port, path);
  t.deepEqual(
    up.received.map((text) => text.split(' ')[1]),
    ['/', '/', '/x?a=/b', '/%2e', '/evil.test/x', '/?q'],
  );
});
