import test from 'ava';
import fc from 'fast-check';
import { canonicalUserName } from '../../../src/identity/user-name.ts';

test('writes every spelling of a user name in one form', (t) => {
  for (const text of ['alice', 'Alice', 'ALICE', 'ａｌｉｃｅ', 'ＡLice']) t.is(canonicalUserName(text), 'alice', text);
  t.is(canonicalUserName('Zoe\u0308'), 'zo\u00eb');
  t.is(canonicalUserName('Alice@Example.TEST'), 'alice@example.test');
});

test('refuses what can not be a user name', (t) => {
  const texts = [
    '',
    ' ',
    ' alice',
    'alice ',
    '\u00a0alice',
    'a\nb',
    'a\0b',
    'a\x7f',
    'ali\u200bce',
    'a\u2028b',
    '\ud800',
  ];
  for (const text of [...texts, 'x'.repeat(257)]) t.is(canonicalUserName(text), null, JSON.stringify(text));
});

test('gives the canonical form of a canonical form unchanged', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const name = canonicalUserName(text);
      return name === null || canonicalUserName(name) === name;
    }),
  );
  t.pass();
});
