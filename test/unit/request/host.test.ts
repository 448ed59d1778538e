import test from 'ava';
import { readAuthority } from '../../../src/request/host.ts';
import { factsOf, refusalOf } from './support.ts';

test('reads hosts in one spelling', (t) => {
  t.deepEqual(readAuthority('app.test'), { host: 'app.test', port: null });
  t.deepEqual(readAuthority('APP.TEST.:80'), { host: 'app.test', port: 80 });
  t.deepEqual(readAuthority('localhost:8080'), { host: 'localhost', port: 8080 });
  t.deepEqual(readAuthority('[::1]:8080'), { host: '[::1]', port: 8080 });
  t.deepEqual(readAuthority('[0:0:0:0:0:0:0:1]'), { host: '[::1]', port: null });
  t.deepEqual(readAuthority('my_app.test'), { host: 'my_app.test', port: null });
});

test('refuses what is no host', (t) => {
  const odd = ['', '.', 'app..test', '.app.test', 'app.test/x', 'app.test, evil.test', 'evil.test:x@app.test', 'a@b'];
  const ports = ['app.test:', 'app.test:0', 'app.test:99999', 'app.test:abc', 'app.test:80:80', 'app.test:+80', ':80'];
  const brackets = ['[::1', '::1', '[::1]x', '[app]', '[::1%25eth0]', '[fe80::1%eth0]', '[]'];
  for (const text of [
    ...odd,
    ...ports,
    ...brackets,
    'app.test\tx',
    'app%2etest',
    'a\u00fc.test',
    'a b',
    'x'.repeat(300),
  ])
    t.is(readAuthority(text), null, text);
});

test('answers 400 to a request whose Host is no host', (t) => {
  for (const host of ['app.test/x', 'app.test, evil.test', 'app.test:99999', '[::1'])
    t.is(refusalOf({ lines: [`Host: ${host}`] }), '400 bad-host', host);
});

test('keeps the authority byte for byte and names port and origin as a browser does', (t) => {
  const facts = factsOf({ lines: ['Host: App.Test.:8443'] });
  t.is(facts.authority, 'App.Test.:8443');
  t.is(facts.host, 'app.test');
  t.is(facts.port, 8443);
  t.is(facts.origin, 'https://app.test:8443');
  t.is(factsOf({ lines: ['Host: app.test:443'] }).origin, 'https://app.test');
  t.is(factsOf({ lines: ['Host: app.test'] }, { publicUrl: 'http://app.test' }).origin, 'http://app.test');
});
