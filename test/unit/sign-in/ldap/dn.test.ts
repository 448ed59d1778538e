import test from 'ava';
import fc from 'fast-check';
import { escapeDnValue, isBelow, normalDn, ownName, readDn } from '../../../../src/sign-in/methods/ldap/dn.ts';

test('a value in a name means itself alone, whatever it holds', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.string({ unit: 'binary-ascii', maxLength: 8 }),
      (one, two) => {
        const value = one + two;
        const steps = readDn(`uid=${escapeDnValue(value)},ou=people,dc=example,dc=com`);
        t.is(steps?.length, 4, JSON.stringify(value));
        t.deepEqual(steps?.[0], [{ type: 'uid', value }], JSON.stringify(value));
      },
    ),
  );
});

test('escapes as RFC 4514 says', (t) => {
  t.is(escapeDnValue('James "Jim" Smith, III'), 'James \\"Jim\\" Smith\\, III');
  t.is(escapeDnValue(' #a '), '\\ #a\\ ');
  t.is(escapeDnValue('#1'), '\\#1');
  t.is(escapeDnValue('a,ou=admins'), 'a\\,ou\\=admins');
  t.is(escapeDnValue('a\0\n'), 'a\\00\\0a');
});

test('reads the spellings that servers use', (t) => {
  t.deepEqual(ownName("cn=O'Brien\\2C Bob (ops)*,ou=people,dc=example,dc=test"), {
    type: 'cn',
    value: "O'Brien, Bob (ops)*",
  });
  t.deepEqual(ownName('CN=Lu\\C4\\8Di\\C4\\87,DC=x'), { type: 'cn', value: 'Lučić' });
  t.deepEqual(ownName('2.5.4.3 = Alice , dc=x'), { type: '2.5.4.3', value: 'Alice' });
  t.deepEqual(readDn('cn=a+uid=b,dc=x')?.[0], [
    { type: 'cn', value: 'a' },
    { type: 'uid', value: 'b' },
  ]);
});

test('what is no name has no parts', (t) => {
  for (const text of ['alice', 'alice@example.com', 'cn=a,', '=a', 'cn=a\\', 'cn=\\ff,dc=x', ',dc=x', 'cn=a,,dc=x'])
    t.is(readDn(text), null, text);
  t.deepEqual(readDn(''), []);
});

test('below means below, by whole steps', (t) => {
  t.true(isBelow('CN=Admins, OU=Groups,DC=example,dc=com', 'ou=groups,dc=example,dc=com'));
  t.true(isBelow('cn=a\\2Cb,ou=groups,dc=x', 'dc=x'));
  t.false(isBelow('cn=a,ou=xgroups,dc=example,dc=com', 'ou=groups,dc=example,dc=com'));
  t.false(isBelow('ou=groups,dc=example,dc=com', 'ou=groups,dc=example,dc=com'));
  t.false(isBelow('cn=a\\,ou=groups,dc=x', 'ou=groups,dc=x'));
  t.false(isBelow('nonsense', 'dc=x'));
});

test('one entry has one normal name', (t) => {
  t.is(normalDn('CN=Bob\\2C B,OU=x'), normalDn('cn=bob\\,  b,ou=X'));
  t.not(normalDn('cn=bob,ou=x'), normalDn('cn=bob\\,ou=x'));
});
