import test from 'ava';
import { createNetworkSet } from '../../../src/request/client-address.ts';
import type { ReadableMessage } from '../../../src/request/read.ts';
import { factsOf, message, reader, refusalOf } from './support.ts';

const host = 'Host: app.test';
const behindProxy = (...lines: string[]) => factsOf({ remoteAddress: '10.0.0.1', lines: [host, ...lines] });

test('believes nobody but trusted proxies', (t) => {
  const lines = [
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Port: 1',
  ];
  const facts = factsOf({ lines: [host, ...lines] });
  t.is(facts.clientAddress, '192.0.2.7');
  t.is(facts.origin, 'https://app.test');
  t.is(facts.authority, 'app.test');
  t.deepEqual(facts.forwardedFor, []);
  t.is(refusalOf({ lines: [host, 'X-Forwarded-Proto: ftp', 'X-Forwarded-Port: x', 'X-Forwarded-Host: /'] }), 'fine');
});

test('takes the right-most address that is no trusted proxy for the client', (t) => {
  const facts = behindProxy('X-Forwarded-For: 6.6.6.6, 9.9.9.9', 'X-Forwarded-For: 10.9.9.9');
  t.is(facts.clientAddress, '9.9.9.9');
  t.deepEqual(facts.forwardedFor, ['6.6.6.6', '9.9.9.9', '10.9.9.9']);
  t.is(facts.peerAddress, '10.0.0.1');
  t.is(behindProxy('X-Forwarded-For: 10.0.0.8').clientAddress, '10.0.0.8');
  t.is(behindProxy().clientAddress, '10.0.0.1');
});

test('stops at an entry that is no address', (t) => {
  for (const value of [
    'a',
    '1.2.3',
    '::1%eth0',
    ',,,',
    '',
    'unknown',
    '010.0.0.1',
    '1.2.3.4.5',
    '9.9.9.9:99999',
    '[2001:db8::1]:65536',
    'x'.repeat(5_000),
  ])
    t.is(behindProxy(`X-Forwarded-For: 6.6.6.6, ${value}`).clientAddress, '10.0.0.1', value);
  t.deepEqual(behindProxy('X-Forwarded-For: 6.6.6.6, x, 9.9.9.9').forwardedFor, ['9.9.9.9']);
});

test('looks at no more than 50 entries', (t) => {
  const chain = Array.from({ length: 1_000 }, () => '10.1.1.1');
  const facts = behindProxy(`X-Forwarded-For: 9.9.9.9, ${chain.join(', ')}`);
  t.is(facts.clientAddress, '10.1.1.1');
  t.is(facts.forwardedFor.length, 50);
});

test('reads addresses with ports, brackets and IPv4 in IPv6', (t) => {
  t.is(behindProxy('X-Forwarded-For: 9.9.9.9:4711').clientAddress, '9.9.9.9');
  t.is(behindProxy('X-Forwarded-For: [2001:DB8::1]:4711').clientAddress, '2001:db8::1');
  t.is(behindProxy('X-Forwarded-For: ::ffff:9.9.9.9').clientAddress, '9.9.9.9');
  t.is(factsOf({ remoteAddress: '::ffff:192.0.2.9' }).clientAddress, '192.0.2.9');
  t.true(factsOf({ remoteAddress: '::ffff:10.0.0.1' }).fromTrustedProxy);
});

test('takes host, scheme and port from a trusted proxy', (t) => {
  const facts = behindProxy('X-Forwarded-Host: evil.test, Wiki.Test:8443', 'X-Forwarded-Proto: http');
  t.is(facts.host, 'wiki.test');
  t.is(facts.authority, 'Wiki.Test:8443');
  t.is(facts.origin, 'http://wiki.test:8443');
  t.is(behindProxy('X-Forwarded-Port: 8443').origin, 'https://app.test:8443');
  t.is(behindProxy('X-Forwarded-Proto: wss').scheme, 'https');
  t.is(behindProxy('X-Forwarded-Host: ').host, 'app.test');
});

test('refuses what a trusted proxy can not mean', (t) => {
  const refusal = (line: string): string => refusalOf({ remoteAddress: '10.0.0.1', lines: [host, line] });
  for (const host of ['a/b', 'a@b', 'a:0', 'a, b c'])
    t.is(refusal(`X-Forwarded-Host: ${host}`), '400 bad-forwarded-host');
  for (const proto of ['ftp', 'HTTPS', 'https:'])
    t.is(refusal(`X-Forwarded-Proto: ${proto}`), '400 bad-forwarded-proto');
  for (const port of ['0', '65536', 'x', '-1']) t.is(refusal(`X-Forwarded-Port: ${port}`), '400 bad-forwarded-port');
});

test('uses no name that merely looks like one of theirs', (t) => {
  const facts = behindProxy('X_Forwarded_For: 9.9.9.9', 'X.Forwarded.Host: evil.test', 'X_Forwarded_Proto: http');
  t.is(facts.clientAddress, '10.0.0.1');
  t.is(facts.origin, 'https://app.test');
});

test('knows https by its own socket', (t) => {
  const plain = { publicUrl: 'http://app.test' };
  t.is(factsOf({ encrypted: true }, plain).origin, 'https://app.test');
  t.is(
    factsOf({ encrypted: true, remoteAddress: '10.0.0.1', lines: [host, 'X-Forwarded-Proto: http'] }).scheme,
    'https',
  );
});

test('takes a unix socket for this machine, and refuses a peer that has gone', (t) => {
  const request = message({ remoteAddress: undefined });
  const unix = { destroyed: false } as ReadableMessage['socket'];
  const result = reader({ trustedProxies: ['127.0.0.1'] })({ ...request, socket: unix });
  t.is(result.kind === 'facts' && result.facts.clientAddress, '127.0.0.1');
  t.true(result.kind === 'facts' && result.facts.fromTrustedProxy);
  t.is(refusalOf({ remoteAddress: undefined }), '400 client-gone');
  const gone = reader()({ ...request, socket: { destroyed: true } as ReadableMessage['socket'] });
  t.is(gone.kind === 'unreadable' && gone.unreadable.reason, 'client-gone');
});

test('finds addresses in networks, and nothing else', (t) => {
  const set = createNetworkSet(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::5', '192.0.2.1']) t.true(set.has(address), address);
  for (const address of ['11.0.0.1', '2001:db9::1', '192.0.2.2', '', 'x', '010.0.0.1', '10.0.0'])
    t.false(set.has(address), address);
  t.false(createNetworkSet([]).has('10.0.0.1'));
});
