import test from 'ava';
import type { CanonicalPath } from '../../../src/request/facts.ts';
import type { ForwardingRoute } from '../../../src/route/table.ts';
import * as rewrite from '../../../src/upstream/rewrite.ts';
import { routeTo } from '../../integration/upstream/support.ts';

const facts = {
  rawPath: '/',
  rawQuery: '',
  origin: 'https://app.test',
  authority: 'app.test',
  scheme: 'https',
} as const;
type Facts = Parameters<typeof rewrite.fitUrl>[1];
const fitUrl = (value: string, given: Facts, route: ForwardingRoute) =>
  rewrite.fitUrl(value, given, route, route.upstream.targets[0]);
const fitRefresh = (value: string, given: Facts, route: ForwardingRoute) =>
  rewrite.fitRefresh(value, given, route, route.upstream.targets[0]);
const fitDestination = (value: string, given: Facts, route: ForwardingRoute) =>
  rewrite.fitDestination(value, given, route, route.upstream.targets[0]);
const fitCookie = (value: string, route: ForwardingRoute) => rewrite.fitCookie(value, route, route.upstream.targets[0]);
const plain = routeTo('http://up.internal:3000');
const stripped = routeTo('http://up.internal:3000', { path: '/app' as CanonicalPath, upstreamPath: '/' });
const renamed = routeTo('http://up.internal:3000', { preserveHost: false });

test('leaves a Location that the visitor can follow as it is', (t) => {
  for (const url of [
    '/login',
    'login',
    '?x',
    '//cdn.test/x',
    'https://app.test/x',
    'https://up.internal:3000/x',
    '',
    '#a',
  ])
    t.is(fitUrl(url, facts, plain), url);
});

test('replaces exactly the origin of the upstream', (t) => {
  t.is(fitUrl('http://up.internal:3000/x?y#z', facts, plain), 'https://app.test/x?y#z');
  t.is(fitUrl('HTTP://UP.INTERNAL:3000', facts, plain), 'https://app.test/');
  t.is(fitUrl('//up.internal:3000/x', facts, plain), 'https://app.test/x');
  for (const url of [
    'http://up.internal/x',
    'http://up.internal:30000/x',
    'http://up.internal:3000.evil.test/x',
    'http://up.internal:3000@evil.test/',
    'http://evil.test/http://up.internal:3000/',
    'http://up.internal:3000\\@evil.test/',
  ])
    t.is(fitUrl(url, facts, plain), url);
  const defaultPort = routeTo('http://up.internal');
  t.is(fitUrl('http://up.internal:80/x', facts, defaultPort), 'https://app.test/x');
});

test('puts the prefix back where it was taken away', (t) => {
  t.is(fitUrl('/login', facts, stripped), '/app/login');
  t.is(fitUrl('/', facts, stripped), '/app/');
  t.is(fitUrl('/app/login', facts, stripped), '/app/login');
  t.is(fitUrl('/application', facts, stripped), '/app/application');
  t.is(fitUrl('https://app.test/login', facts, stripped), 'https://app.test/app/login');
  t.is(fitUrl('http://app.test/login', facts, stripped), 'https://app.test/app/login');
  t.is(fitUrl('http://up.internal:3000/login', facts, stripped), 'https://app.test/app/login');
  t.is(fitUrl('https://other.test/login', facts, stripped), 'https://other.test/login');
  t.is(fitRefresh('0; url=/login', facts, stripped), '0; url=/app/login');
  t.is(fitRefresh('5', facts, stripped), '5');
});

test('fits cookies to the prefix and takes the name of an internal host off', (t) => {
  t.is(fitCookie('a=1; Path=/; HttpOnly', stripped), 'a=1; Path=/app; HttpOnly');
  t.is(fitCookie('a=1; path=/x', stripped), 'a=1; path=/app/x');
  t.is(fitCookie('a=1; Path=/app/x', stripped), 'a=1; Path=/app/x');
  t.is(fitCookie('a=1;Secure', stripped), 'a=1;Secure');
  t.is(fitCookie('a="x=/; y"; Path=/', plain), 'a="x=/; y"; Path=/');
  t.is(fitCookie('a=1; Domain=.up.internal; Path=/', renamed), 'a=1; Path=/');
  t.is(fitCookie('a=1; Domain=internal', renamed), 'a=1; Domain=internal');
});

test('fits a WebDAV Destination by scheme, host and prefix only when it is on this host', (t) => {
  t.is(fitDestination('https://APP.test/a%2Fb', facts, plain), 'http://APP.test/a%2Fb');
  t.is(fitDestination('https://other.test/a', facts, plain), 'https://other.test/a');
  t.is(fitDestination('/a', facts, plain), '/a');
  t.is(fitDestination('https://app.test/app/a', facts, stripped), 'http://app.test/a');
  t.is(fitDestination('https://app.test/other/a', facts, stripped), null);
  t.is(fitDestination('https://other.test/app/a', facts, stripped), null);
  t.is(fitDestination('https://app.test/a', facts, renamed), 'http://up.internal:3000/a');
});

const moved = routeTo('http://up.internal:3000', { path: '/wiki' as CanonicalPath, upstreamPath: '/apps/wiki' });
const deeper = routeTo('http://up.internal:3000', { path: '/a' as CanonicalPath, upstreamPath: '/a/b' });
const shallower = routeTo('http://up.internal:3000', { path: '/a/b' as CanonicalPath, upstreamPath: '/a' });
const rooted = routeTo('http://up.internal:3000', { upstreamPath: '/base' });

test('puts one prefix in the place of the other, byte for byte behind it', (t) => {
  const ask = (rawPath: string, route: ForwardingRoute, rawQuery = ''): string =>
    rewrite.upstreamTarget({ ...facts, rawPath, rawQuery }, route);
  t.is(ask('/wiki', moved), '/apps/wiki');
  t.is(ask('/wiki/', moved), '/apps/wiki/');
  t.is(ask('/wiki/a%2Fb//c', moved, '?x=/wiki'), '/apps/wiki/a%2Fb//c?x=/wiki');
  t.is(ask('/%77iki/$1/$&/%24%26', moved), '/apps/wiki/$1/$&/%24%26');
  t.is(ask('/', rooted), '/base/');
  t.is(ask('/x', rooted, '?y'), '/base/x?y');
  t.is(ask('/a/b/c', deeper), '/a/b/b/c');
  t.is(ask('/a/b/c', shallower), '/a/c');
});

test('calls what the app names as the visitor does, and leaves what lies beside the prefix', (t) => {
  t.is(fitUrl('/apps/wiki/login?x', facts, moved), '/wiki/login?x');
  t.is(fitUrl('/apps/wiki', facts, moved), '/wiki');
  t.is(fitUrl('/apps/wikipedia', facts, moved), '/apps/wikipedia');
  t.is(fitUrl('/wiki/x', facts, moved), '/wiki/x');
  t.is(fitUrl('http://up.internal:3000/apps/wiki/x', facts, moved), 'https://app.test/wiki/x');
  t.is(fitUrl('http://up.internal:3000/other', facts, moved), 'https://app.test/other');
  t.is(fitUrl('http://app.test/apps/wiki/x', facts, moved), 'https://app.test/wiki/x');
  t.is(fitUrl('/base', facts, rooted), '/');
  t.is(fitUrl('/base?x', facts, rooted), '/?x');
  t.is(fitUrl('/base/x', facts, rooted), '/x');
  t.is(fitUrl('/a/b/x', facts, deeper), '/a/x');
  t.is(fitUrl('/a/x', facts, shallower), '/a/b/x');
  t.is(fitUrl('/a/b/x', facts, shallower), '/a/b/x');
  t.is(fitDestination('https://app.test/wiki/a%2Fb', facts, moved), 'http://app.test/apps/wiki/a%2Fb');
  t.is(fitDestination('https://app.test/other/a', facts, moved), null);
});

test('keeps a cookie within its app', (t) => {
  t.is(fitCookie('a=1; Path=/apps/wiki/x', moved), 'a=1; Path=/wiki/x');
  for (const path of ['/', '/apps', '/apps/', '/apps/wiki'])
    t.is(fitCookie(`a=1; Path=${path}`, moved), 'a=1; Path=/wiki');
  t.is(fitCookie('a=1; Path=/other', moved), 'a=1; Path=/other');
  t.is(fitCookie('a=1; Path=/base/', rooted), 'a=1; Path=/');
  t.is(fitCookie('__Host-a=1; Secure; Path=/', moved), '__Host-a=1; Secure; Path=/');
  t.is(fitCookie('a=1; Path=/apps/wiki; Domain=up.internal', moved), 'a=1; Path=/wiki; Domain=up.internal');
});
