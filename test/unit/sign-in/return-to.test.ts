import test from 'ava';
import fc from 'fast-check';
import { createReturnTo } from '../../../src/sign-in/return-to.ts';
import { factsOf } from '../../support/facts.ts';

const check = createReturnTo({
  publicUrl: 'https://app.test',
  authPath: '/_auth',
  servesHost: (host) => host === 'app.test' || host === 'wiki.test',
});
const facts = factsOf({ url: 'https://app.test/_auth/sign-in' });

const refused = [
  [
    'another site',
    '//evil.test',
    '///evil.test',
    'https://evil.test/',
    'http://evil.test',
    'https:evil.test',
    'https:///evil.test',
    'https:/evil.test',
  ],
  [
    'backslashes',
    '/\\evil.test',
    '\\\\evil.test',
    '/\\/evil.test',
    'https://evil.test\\@app.test/',
    'https:\\\\evil.test',
  ],
  [
    'controls and spaces',
    '/\t/evil.test',
    '/\n/evil.test',
    ' //evil.test',
    '/%0d%0aSet-Cookie:x=y',
    '/\u0000',
    '\u0001https://evil.test',
    '/ a',
  ],
  [
    'look-alike hosts',
    'https://app.test@evil.test/',
    'https://app.test.evil.test/',
    'https://evilapp.test/',
    'https://app.test:evil@evil.test/',
  ],
  [
    'other schemes',
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://app.test/',
    'mailto:a@app.test',
    'JaVaScRiPt:alert(1)',
  ],
  [
    'scheme or port that visitors do not use',
    'http://app.test/',
    'https://app.test:8443/',
    'http://wiki.test/',
    'https://wiki.test:444/',
  ],
  [
    'circles',
    '/_auth',
    '/_auth/',
    '/_auth/sign-in',
    '/_auth/sign-out?return_to=/',
    '/_AUTH/logout',
    '/%5fauth/sign-in',
    'https://app.test/_auth/logout',
    '/x/../_auth/logout',
    '/%5Fauth%2flogout',
  ],
  ['what is too long', `/${'a'.repeat(3_000)}`],
  ['nothing', ''],
] as const;

for (const [title, ...values] of refused)
  test(`drops ${title}`, (t) => {
    for (const value of values) t.is(check(value, facts), null, JSON.stringify(value));
    t.is(check(undefined, facts), null);
  });

test('keeps own addresses byte for byte', (t) => {
  for (const value of [
    '/',
    '/private/x?a=b&c=d%2Fe+f',
    '/wiki/Seite_%C3%BC?x={y}|z&back=\\#top',
    '/a//b?redirect=//evil.test',
    'https://app.test/private/x?a=b&c=d%2Fe+f',
    'https://wiki.test/',
    'https://wiki.test',
    'https://APP.test/x',
    '/_authentic/page',
  ])
    t.is(check(value, facts), value);
});

test('knows the origin that the visitor came to, whatever its port', (t) => {
  const local = factsOf({ url: 'http://localhost:8080/_auth/sign-in', publicUrl: 'http://localhost:8080' });
  const here = createReturnTo({ publicUrl: 'http://localhost:8080', authPath: '/_auth', servesHost: () => false });
  t.is(here('http://localhost:8080/x', local), 'http://localhost:8080/x');
  t.is(here('http://localhost:8081/x', local), null);
});

test('never leads away, whatever is asked for', (t) => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '//',
    'https:',
    'http://',
    'app.test',
    'evil.test',
    '@',
    ':',
    '.',
    '..',
    '%2f',
    '%5c',
    '?',
    '#',
    '\t',
    ' ',
    'x',
    '_auth',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
        fc.string(),
      ),
      (raw) => {
        const kept = check(raw, facts);
        if (kept === null) return;
        t.is(kept, raw);
        const url = new URL(kept, 'https://app.test/_auth/sign-in');
        t.true(['https://app.test', 'https://wiki.test'].includes(url.origin), raw);
        t.false(url.pathname.startsWith('/_auth/'), raw);
      },
    ),
    { numRuns: 5_000 },
  );
});
