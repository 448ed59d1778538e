import test from 'ava';
import fc from 'fast-check';
import { compileGlob, globFault } from '../../../src/policy/criteria/glob.ts';
import { foldPath } from '../../../src/request/path.ts';
import { faultsOf, judge } from './support.ts';

const fits = (glob: string, path: string): boolean => compileGlob(glob)(path);

test('fits literal paths exactly, but for one slash at the end', (t) => {
  for (const path of ['/favicon.ico', '/favicon.ico/']) t.true(fits('/favicon.ico', path));
  for (const path of ['/favicon.icox', '/faviconxico', '/', '/x/favicon.ico', '/favicon.ico//', '/Favicon.ico'])
    t.false(fits('/favicon.ico', path), path);
  t.true(fits('/', '/'));
  t.false(fits('/', '/x'));
  t.true(fits('/static/', '/static'));
});

test('fits a star within a segment', (t) => {
  for (const path of ['/a/x', '/a/.x', '/a/x/']) t.true(fits('/a/*', path), path);
  for (const path of ['/a', '/a/', '/a/x/y', '/a//']) t.false(fits('/a/*', path), path);
  for (const path of ['/app.js', '/.js', '/a.b.js']) t.true(fits('/*.js', path), path);
  for (const path of ['/a/b.js', '/app.jsx', '/app.css']) t.false(fits('/*.js', path), path);
  t.true(fits('/v*/x*y', '/v1/xy'));
  t.false(fits('/v*/x*y', '/v1/2/xy'));
});

test('fits two stars across segments, also across none', (t) => {
  for (const path of ['/static', '/static/', '/static/x', '/static/x/y', '/static/.x', '/static//'])
    t.true(fits('/static/**', path), path);
  for (const path of ['/staticx', '/', '/x/static', '/statics/x']) t.false(fits('/static/**', path), path);
  for (const path of ['/', '/x', '/x/y/']) t.true(fits('/**', path), path);
  for (const path of ['/api/status', '/api/x/status', '/api/x/y/status']) t.true(fits('/api/**/status', path), path);
  for (const path of ['/apistatus', '/api/xstatus', '/api/status/x']) t.false(fits('/api/**/status', path), path);
  for (const path of ['/a.png', '/x/y/.png']) t.true(fits('/**/*.png', path), path);
  t.true(fits('/a/**/**/b/*/**', '/a/b/c'));
});

test('takes everything else literally', (t) => {
  t.true(fits('/a.b+c$d|e', '/a.b+c$d|e'));
  t.false(fits('/a.b', '/axb'));
  t.true(fits('/Straße/*', '/Stra%C3%9Fe/x'));
  t.true(fits('/%61/%2A', '/a/%2A'));
  t.false(fits('/a/%2A', '/a/x'));
});

test('fits without regard to case and spelling where an upstream may do so', (t) => {
  const loose = (glob: string, path: string): boolean => compileGlob(glob, foldPath)(foldPath(path));
  for (const path of ['/ADMIN/x', '/admin/X', '/Admin']) t.true(loose('/Admin/**', path), path);
  t.true(loose('/@admin/*', '/%40Admin/x'));
  t.true(loose('/%40admin/*', '/@admin/x'));
  t.false(loose('/a/%2A', '/a/x'));
  t.is(judge([{ deny: 'anyone', when: { paths: '/admin/**' } }], { path: '/ADMIN/x', ignoreCase: true }).rule, 0);
  t.is(judge([{ deny: 'anyone', when: { paths: '/admin/**' } }], { path: '/ADMIN/x' }).rule, null);
});

test('finds fault with globs that could never fit or be misread', (t) => {
  for (const glob of [
    'x',
    '',
    '/a?',
    '/[a]',
    '/{a,b}',
    '/!(a)',
    '/a\\b',
    '/a**',
    '/**.js',
    '/***',
    '/a/../b',
    '/a//b',
    '/%zz',
    '/a#b',
  ])
    t.not(globFault(glob), null, glob);
  t.true(
    faultsOf([{ allow: 'anyone', when: { paths: ['/ok', '/a**'] } }]).some((message) => message.includes('alone')),
  );
  t.throws(() => compileGlob('/a**'), { instanceOf: RangeError });
});

// Segment by segment, by trying every way.
function naive(glob: string, path: string): boolean {
  const trim = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text);
  const across = (globs: readonly string[], segments: readonly string[]): boolean => {
    const [first, ...others] = globs;
    if (first === undefined) return segments.length === 0;
    if (first === '**') return segments.some((_s, i) => across(others, segments.slice(i))) || across(others, []);
    return segments.length > 0 && segment(first, segments[0] ?? '') && across(others, segments.slice(1));
  };
  return across(trim(glob).split('/').slice(1), trim(path).split('/').slice(1));
}

function segment(glob: string, text: string): boolean {
  return glob === '*' ? text !== '' : within(glob, text);
}

function within(glob: string, text: string): boolean {
  if (glob === '') return text === '';
  if (glob.startsWith('*')) return [...text, ''].some((_c, index) => within(glob.slice(1), text.slice(index)));
  return glob[0] === text[0] && text !== '' && within(glob.slice(1), text.slice(1));
}

const anyGlob = fc
  .array(
    fc.oneof(
      fc.constant('**'),
      fc
        .array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 4 })
        .map((parts) => parts.join('').replace(/\*+/g, '*')),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((segments) => `/${segments.join('/')}`);
const anyPath = fc.array(fc.constantFrom('a', 'b', '/', 'ab'), { maxLength: 10 }).map((parts) => `/${parts.join('')}`);

test('agrees with a matcher that tries every way', (t) => {
  fc.assert(
    fc.property(anyGlob, anyPath, (glob, path) => {
      t.is(fits(glob, path), naive(glob, path), `${glob} ${path}`);
    }),
    { numRuns: 5_000 },
  );
});

test('agrees with it also where the glob is longer than a machine word', (t) => {
  const long = 'ab'.repeat(20);
  const segment = fc.constantFrom('**', '*', long, `*${long}*`, `${long}*b`, 'a');
  const globs = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
  const paths = fc.array(fc.constantFrom(long, '/', 'a', 'b'), { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
  fc.assert(
    fc.property(globs, paths, (glob, path) => {
      t.is(fits(glob, path), naive(glob, path), `${glob} ${path}`);
    }),
    { numRuns: 2_000 },
  );
});

test('takes time in proportion to the path, whatever the glob', (t) => {
  // A matcher that tries every way would not end within the age of the universe.
  const path = `/${'a'.repeat(5_000)}/${'-'.repeat(5_000)}`;
  const globs = [
    `/${'a*'.repeat(200)}b`,
    `/${'**/a*/'.repeat(60)}x`,
    `/**/${'*a*-'.repeat(90)}*z`,
    `/*${'a'.repeat(400)}b`,
  ];
  for (const glob of globs) {
    const start = process.cpuUsage();
    t.false(fits(glob, path), glob);
    const { user } = process.cpuUsage(start);
    t.true(user < 1_000_000, `${glob} took ${user} µs`);
  }
});
