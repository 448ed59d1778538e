import test from 'ava';
import fc from 'fast-check';
import type { CanonicalPath } from '../../../src/request/facts.ts';
import { canonicalPath, foldPath } from '../../../src/request/path.ts';
import { createRouteTable, type Route } from '../../../src/route/table.ts';
import { routesOf, type RouteInput } from './support.ts';

const path = (text: string): CanonicalPath => canonicalPath(text) as CanonicalPath;

function found(inputs: readonly RouteInput[], host: string, text: string): string | null {
  return createRouteTable(routesOf(inputs)).find(host, path(text))?.id ?? null;
}

test('prefers the exact host, then the longest wildcard, then every host', (t) => {
  const routes: readonly RouteInput[] = [
    { id: 'every' },
    { id: 'wide', host: '*.example.test' },
    { id: 'narrow', host: '*.b.example.test' },
    { id: 'exact', host: 'a.B.example.test' },
  ];
  t.is(found(routes, 'a.b.example.test', '/'), 'exact');
  t.is(found(routes, 'x.b.example.test', '/'), 'narrow');
  t.is(found(routes, 'x.y.b.example.test', '/'), 'narrow');
  t.is(found(routes, 'b.example.test', '/'), 'wide');
  t.is(found(routes, 'example.test', '/'), 'every');
  t.is(found(routes, 'xexample.test', '/'), 'every');
});

test('takes the longest path by whole segments', (t) => {
  const routes: readonly RouteInput[] = [
    { id: 'app', path: '/app' },
    { id: 'deep', path: '/app/x/y/' },
    { id: 'other', path: '/Stra\u00dfe' },
  ];
  t.is(found(routes, 'h', '/app'), 'app');
  t.is(found(routes, 'h', '/app/'), 'app');
  t.is(found(routes, 'h', '/app/x'), 'app');
  t.is(found(routes, 'h', '/app/x/yy'), 'app');
  t.is(found(routes, 'h', '/app/x/y/z'), 'deep');
  t.is(found(routes, 'h', '/Stra%c3%9fe/1'), 'other');
  for (const text of ['/', '/apple', '/app.bak', '/app%20', '/APP', '/x/app'])
    t.is(found(routes, 'h', text), null, text);
});

test('goes on to a less specific host where the more specific one does not have the path', (t) => {
  const routes: readonly RouteInput[] = [
    { id: 'wiki', host: 'wiki.test', path: '/wiki' },
    { id: 'every', path: '/' },
  ];
  t.is(found(routes, 'wiki.test', '/wiki/x'), 'wiki');
  t.is(found(routes, 'wiki.test', '/x'), 'every');
});

test('gives every route that differs from the path by case only', (t) => {
  const table = createRouteTable(
    routesOf([{ id: 'low', path: '/wiki' }, { id: 'high', path: '/Wiki' }, { id: 'all' }]),
  );
  const ids = (text: string): readonly string[] => table.findIgnoringCase('h', path(text)).map(({ id }) => id);
  t.deepEqual(ids('/WIKI/x'), ['low', 'high']);
  t.deepEqual(ids('/wiki'), ['low', 'high']);
  t.deepEqual(ids('/x'), ['all']);
  t.is(table.find('h', path('/WIKI'))?.id, 'all');
});

test('knows which hosts it serves', (t) => {
  const table = createRouteTable(routesOf([{ host: 'a.test', path: '/deep/er' }, { host: '*.b.test' }]));
  for (const host of ['a.test', 'x.b.test', 'x.y.b.test']) t.true(table.servesHost(host), host);
  for (const host of ['b.test', 'x.a.test', 'evil.test', '']) t.false(table.servesHost(host), host);
  t.true(createRouteTable(routesOf([{}])).servesHost('evil.test'));
  t.false(createRouteTable([]).servesHost('a.test'));
});

function naive(routes: readonly Route[], host: string, text: string): Route | null {
  const rank = (route: Route): number =>
    route.host === null ? 0 : route.host.startsWith('*.') ? route.host.length : 1_000;
  const fitsHost = (route: Route): boolean =>
    route.host === null || route.host === host || (route.host.startsWith('*.') && host.endsWith(route.host.slice(1)));
  const fitsPath = (route: Route): boolean =>
    route.path === '/' || text === route.path || text.startsWith(`${route.path}/`);
  const fitting = routes.filter((route) => fitsHost(route) && fitsPath(route));
  return fitting.toSorted((a, b) => rank(b) - rank(a) || b.path.length - a.path.length)[0] ?? null;
}

const anyHost = fc.constantFrom('a.test', 'b.a.test', 'c.b.a.test', 'x.test', 'c.x.test');
const anyPath = fc
  .array(fc.constantFrom('a', 'b', 'A', 'ab'), { maxLength: 4 })
  .map((segments) => `/${segments.join('/')}`);
const anyRoute = fc.record({
  host: fc.oneof(
    anyHost,
    anyHost.map((host) => `*.${host}`),
    fc.constant(undefined),
  ),
  path: anyPath,
});

test('agrees with a search through all routes', (t) => {
  const place = ({ host, path: text }: { host: string | undefined; path: string }): string => `${host ?? ''} ${text}`;
  fc.assert(
    fc.property(
      fc.uniqueArray(anyRoute, { selector: place, maxLength: 12 }),
      anyHost,
      anyPath,
      (inputs, host, text) => {
        const routes = routesOf(
          inputs.map(({ host: name, path: prefix }) => ({
            path: prefix,
            ...(name === undefined ? {} : { host: name }),
          })),
        );
        const table = createRouteTable(routes);
        const expected = naive(routes, host, text);
        t.is(table.find(host, path(text)), expected);
        const loose = table.findIgnoringCase(host, path(text));
        if (expected !== null) t.true(loose.length > 0);
        for (const route of loose)
          t.true(foldPath(`${text}/`).startsWith(foldPath(route.path === '/' ? '/' : `${route.path}/`)));
        t.is(
          table.servesHost(host),
          routes.some((route) => naive([route], host, route.path) !== null),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('compiles what the configuration says of a route', (t) => {
  const [route] = routesOf([
    {
      id: 'wiki',
      host: 'Wiki.TEST',
      path: '/a%62/',
      allowedOrigins: ['https://x.test'],
      signOut: { clearCookies: ['SID'] },
    },
  ]);
  t.is(route?.title, 'wiki');
  t.is(route?.host, 'wiki.test');
  t.is(String(route?.path), '/ab');
  t.true(route?.allowedOrigins.has('https://x.test'));
  t.deepEqual(route?.clearCookies, ['SID']);
  t.is(routesOf([{ title: 'The wiki' }])[0]?.title, 'The wiki');
  t.is(routesOf([{ host: '[0::1]' }])[0]?.host, '[::1]');
  t.throws(() => routesOf([{ path: '/a/../b' }]), { code: 'config-invalid' });
});
