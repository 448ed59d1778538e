import test from 'ava';
import { createSessionCookie } from '../../../src/session/cookie.ts';

const plain = { name: 'sallyport', domain: null, sameSite: 'lax' } as const;
const onHttps = createSessionCookie({ publicUrl: 'https://auth.example.com', cookie: plain });
const onHttp = createSessionCookie({ publicUrl: 'http://localhost:8080', cookie: plain });
const shared = createSessionCookie({
  publicUrl: 'https://auth.example.com',
  cookie: { name: 'sid', domain: 'example.com', sameSite: 'strict' },
});

test('binds the cookie to its host on https', (t) => {
  t.is(onHttps.serialize('token'), '__Host-sallyport=token; Path=/; HttpOnly; Secure; SameSite=Lax');
  t.is(onHttps.formName, '__Host-sallyport-form');
});

test('serves the subdomains where a domain is configured', (t) => {
  t.is(shared.serialize('token'), '__Secure-sid=token; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Strict');
});

test('goes without Secure and prefix on plain http, where browsers would drop them', (t) => {
  t.is(onHttp.serialize('token'), 'sallyport=token; Path=/; HttpOnly; SameSite=Lax');
});

test('keeps a remembered cookie for its time, never longer than browsers allow', (t) => {
  t.true(onHttps.serialize('token', { maxAgeSeconds: 2_592_000.9 }).endsWith('; Max-Age=2592000'));
  t.true(onHttps.serialize('token', { maxAgeSeconds: 1e12 }).endsWith('; Max-Age=34560000'));
});

test('the cookie that tells visitors apart for targets is of one host and no script, whatever the domain', (t) => {
  t.is(onHttps.sticky.serialize('v'), '__Host-sallyport-target=v; Path=/; HttpOnly; Secure; SameSite=Lax');
  t.is(shared.sticky.serialize('v'), '__Host-sid-target=v; Path=/; HttpOnly; Secure; SameSite=Lax');
  t.is(onHttp.sticky.serialize('v'), 'sallyport-target=v; Path=/; HttpOnly; SameSite=Lax');
});

test('expires the cookie with the attributes that it was set with', (t) => {
  for (const cookie of [onHttps, onHttp, shared]) {
    const attributes = cookie.serialize('').slice(`${cookie.name}=`.length);
    t.is(cookie.expire(), `${cookie.name}=${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`);
  }
});

test('knows every spelling that could be taken for its own', (t) => {
  const names = [
    '__Host-sallyport',
    '__Secure-sallyport',
    'sallyport',
    'SALLYPORT',
    '__HOST-Sallyport',
    '__host-sallyport-form',
    'sallyport-form',
    'sallyport.0',
    '__Host-sallyport.12',
    ' sallyport ',
    'sallyport-FORM.3',
    '__Host-sallyport-target',
    'Sallyport-Target.0',
  ];
  for (const cookie of [onHttps, onHttp]) for (const name of names) t.true(cookie.isOurs(name), name);
});

test('leaves the neighbours alone', (t) => {
  const names = [
    'sallyport2',
    'xsallyport',
    'sallyport-',
    'sallyport.x',
    'sallyport.',
    '__Host-',
    '',
    'io',
    '__proto__',
  ];
  for (const name of names) t.false(onHttps.isOurs(name), name);
});

test('knows where a cookie is sent: to its own host, or within its domain', (t) => {
  t.is(onHttps.siteOf('app.test'), 'app.test');
  const shared = createSessionCookie({
    publicUrl: 'https://auth.example.test',
    cookie: { name: 'sallyport', domain: 'example.test', sameSite: 'lax' },
  });
  for (const host of ['example.test', 'auth.example.test', 'a.b.example.test'])
    t.is(shared.siteOf(host), 'example.test', host);
  for (const host of ['evilexample.test', 'example.test.evil.test', 'other.test']) t.is(shared.siteOf(host), host);
});
