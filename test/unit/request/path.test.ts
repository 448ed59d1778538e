import test from 'ava';
import fc from 'fast-check';
import { canonicalPath, canonicalPrefix, foldPath, readPath } from '../../../src/request/path.ts';

/** `400 reason`, or the canonical path with its other readings behind it. */
function read(raw: string): string {
  const reading = readPath(raw);
  return reading.kind === 'unreadable' ? reading.reason : [reading.path, ...reading.otherReadings].join(' ');
}

test('decodes unreserved characters and nothing else', (t) => {
  t.is(read('/%61dmin'), '/admin');
  t.is(read('/%7Euser/%2Dx%5fy'), '/~user/-x_y');
  t.is(read('/a%20b%c3%a4'), '/a%20b%C3%A4');
  t.is(read('/a\xc3\xa4'), '/a%C3%A4');
  t.is(read('/a|b[c]{d}'), '/a|b[c]{d}');
  t.is(read('/%ff%e9'), '/%FF%E9');
  t.is(read('/@scope%2fdemo'), '/@scope%2Fdemo');
});

test('refuses dot segments in every spelling', (t) => {
  for (const raw of [
    ...['/public/../admin', '/public/.', '/..', '/./x', '/public/%2e%2e/admin', '/public/.%2e/admin', '/public/%2E./x'],
    ...[
      '/public/..%2fadmin',
      '/public%2f..%2fadmin',
      '/x%2F.',
      '/public/..;/admin',
      '/public/..;a=b/admin',
      '/public/..%3b/x',
    ],
    ...['/public/.;/x', '/public/;/../admin', '/public;/../private/x', '/public/..%20/admin', '/a/..%20%20'],
    ...[
      '/public/%252e%252e%252fadmin',
      '/public/%25%32%65%25%32%65/admin',
      '/public/%252e%252e/x',
      '/x/%25252e%25252e/y',
    ],
    ...['/x/..%252fadmin', '/x/..%255cadmin'],
  ])
    t.is(read(raw), 'dot-segment', raw);
});

test('takes dots within a name for what they are', (t) => {
  for (const raw of ['/...', '/a..b', '/..a', '/.well-known/x', '/a./b', '/compare/a...b', '/.x'])
    t.is(read(raw), raw, raw);
});

test('refuses backslashes, control characters, fragments and what is no path', (t) => {
  for (const raw of ['/a\\b', '/%5c..%5cadmin', '/a%5Cb', '/public\\..\\admin'])
    t.is(read(raw), 'backslash-in-path', raw);
  for (const raw of ['/a%00', '/a%0a', '/a%0d%0aX:1', '/%09', '/a\0', '/a%7f', '/a\x7f', '/%1F'])
    t.is(read(raw), 'control-character-in-path', raw);
  t.is(read('/x#y'), 'fragment-in-path');
  t.is(read(''), 'path-not-absolute');
  t.is(read('x'), 'path-not-absolute');
  t.is(read('/a b'), 'bad-character-in-path');
});

test('refuses two slashes at the start, also encoded or left by parameters', (t) => {
  for (const raw of ['//', '//evil.test/x', '///private//x', '/%2fevil.test', '/;/private/x', '/;a=b/x', '/%3bx/y'])
    t.is(read(raw), 'leading-double-slash', raw);
});

test('refuses broken percent-encoding and overlong UTF-8', (t) => {
  for (const raw of ['/%', '/%2', '/%zz', '/%u002e', '/a%%20', '/%2x']) t.is(read(raw), 'bad-percent-encoding', raw);
  for (const raw of [
    '/%c0%ae%c0%ae/admin',
    '/%c1%9c',
    '/%e0%80%af',
    '/%f0%80%80%af',
    '/\xc0\xae',
    '/%c0\xae',
    '/%f8%80%80%80%ae',
  ])
    t.is(read(raw), 'overlong-encoding', raw);
  t.is(read('/%e0%a4%85%f0%9f%94%91'), '/%E0%A4%85%F0%9F%94%91');
});

test('gives the other readings that an upstream may make', (t) => {
  t.is(read('/a//b'), '/a//b /a/b');
  t.is(read('/a/'), '/a/');
  t.is(read('/private;a=b/x'), '/private;a=b/x /private/x');
  t.is(read('/admin%3bx=1'), '/admin%3Bx=1 /admin');
  t.is(read('/a;x//b'), '/a;x//b /a;x/b /a//b /a/b');
  t.is(read('/api/private%23/status'), '/api/private%23/status /api/private');
  t.is(read('/api/x%3f/status'), '/api/x%3F/status /api/x');
  t.is(read('/%2561dmin'), '/%2561dmin /admin');
  t.is(read('/job/a%252Fb'), '/job/a%252Fb /job/a/b');
  t.is(read('/100%25'), '/100%25');
});

test('bounds the readings and the time of the longest path', (t) => {
  const nasty = `/${'%2525;%23//a'.repeat(680)}`;
  const reading = readPath(nasty);
  t.true(reading.kind === 'path' && reading.otherReadings.length <= 24);
});

/** What RFC 3986 §5.2.4 makes of a path, after backslashes became slashes. */
function resolve(path: string): string {
  return new URL(`http://h${path.replaceAll('\\', '/')}`).pathname;
}

const fragment = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    'a',
    'admin',
    ';',
    ';x=1',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    '%00',
    '%25',
    '2e',
    '2f',
    '61',
    '%61',
  ],
  ...['%3b', '%23', '%3f', '%c0', '%ae', '\xe4', '%e4', ' ', '#', '%', '%20', '~', '|'],
);
const anyPath = fc.array(fragment, { maxLength: 12 }).map((parts) => `/${parts.join('')}`);

test('judges what will be forwarded: no accepted path means another one to a server that resolves it', (t) => {
  fc.assert(
    fc.property(anyPath, (raw) => {
      const reading = readPath(raw);
      if (reading.kind === 'unreadable') return;
      const readings: readonly string[] = [reading.path, ...reading.otherReadings];
      // The raw path is a spelling of the judged one, and of no other.
      const again = readPath(reading.path);
      t.is(again.kind === 'path' ? again.path : again.reason, reading.path, raw);
      // Resolving, with or without merging and parameters, leads to a reading that was judged.
      const resolved = resolve(reading.path);
      t.is(resolved.split('/').length, reading.path.split('/').length, raw);
      t.true(readings.includes(reading.path.replace(/\/{2,}/g, '/')), raw);
      t.true(readings.includes(reading.path.replace(/(?:;|%3B)[^/]*/g, '').replace(/\/{2,}/g, '/')), raw);
      for (const path of readings) {
        t.notRegex(path, /^\/\/|\\|#|%5C|(^|\/)\.{1,2}(\/|;|$)/, raw);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('judges what a server finds that decodes up to three times, cuts parameters and merges slashes', (t) => {
  const everything = (raw: string): string | null => {
    let text = raw;
    for (let times = 0; times < 3; times += 1)
      text = text.replace(/%([0-7][0-9a-f])/gi, (_escape, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    const merged = text
      .replaceAll('\\', '/')
      .replace(/;[^/]*/g, '')
      .replace(/\/{2,}/g, '/');
    return /[%#?\0 ]/.test(merged) ? null : resolve(merged);
  };
  fc.assert(
    fc.property(anyPath, (raw) => {
      const reading = readPath(raw);
      const meant = everything(raw);
      if (reading.kind === 'unreadable' || meant === null || reading.hasEncodedSlash) return;
      const isAdmin = /^\/admin(\/|$)/i.test(meant);
      const judged = [reading.path, ...reading.otherReadings].some((path) => /^\/admin(\/|$)/.test(foldPath(path)));
      t.true(!isAdmin || judged, raw);
    }),
    { numRuns: 5_000 },
  );
});

test('folds letters and escapes as the most forgiving upstream does', (t) => {
  t.is(foldPath('/admin/x'), '/admin/x');
  t.is(foldPath('/ADMIN/%40X%2F%25%20%C3'), '/admin/@x%2f%25%20%c3');
  t.is(foldPath('/%5BX'), '/[x');
});

test('writes paths of the configuration as requests have them', (t) => {
  t.is(String(canonicalPath('/Straße/ä b')), '/Stra%C3%9Fe/%C3%A4%20b');
  t.is(String(canonicalPrefix('/public/')), '/public');
  t.is(String(canonicalPrefix('/')), '/');
  for (const text of ['', 'x', '/a/../b', '/a//b', '//a', '/a?b', '/a#b', '/a\\b', '/%zz'])
    t.is(canonicalPath(text), null, text);
  t.is(canonicalPrefix('/a%2fb'), null);
});
