import test from 'ava';
import fc from 'fast-check';
import { compileHeaderSet } from '../../../src/identity/header-sets.ts';
import { createReservedHeaders } from '../../../src/identity/headers.ts';

const reserved = createReservedHeaders([compileHeaderSet({ 'X-WebAuth-User': '{user}' })]);
const names = [
  'remote-user',
  'remote-name',
  'remote-email',
  'remote-groups',
  'x-forwarded-user',
  'x-forwarded-preferred-username',
  'x-forwarded-for',
  'x-forwarded-prefix',
  'x-auth-request-user',
  'x-auth-request-access-token',
  'sallyport-jwt-assertion',
  'sallyport-anything',
  'x-webauth-user',
  'forwarded',
  'x-real-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-original-url',
  'x-rewrite-url',
  'x-original-method',
  'x-request-id',
  'x-http-method-override',
  'x-method-override',
  'proxy',
];

test('reserves every name of every set, of the configuration and of our own', (t) => {
  for (const name of names) t.true(reserved.isReserved(name), name);
});

test('reserves every look-alike in any folding', (t) => {
  const separators = fc.array(fc.constantFrom('-', '_', '.', '~', '+'), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(separators, { minLength: 8, maxLength: 8 }), (name, between) => {
      const spelt = name
        .split('-')
        .reduce((whole, part, index) => whole + (between[index % 8] ?? ['-']).join('') + part);
      t.true(reserved.isReserved(spelt), spelt);
    }),
  );
});

test('leaves ordinary names alone', (t) => {
  for (const name of [
    'accept',
    'remote-users',
    'x-remote',
    'remote',
    'user',
    'xforwardedfor',
    'x-requested-with',
    '__proto__',
    'constructor',
    'x-csrf-token',
    'proxy-status',
    '-',
    '',
  ])
    t.false(reserved.isReserved(name), name);
});

test('stays right however many names it has seen', (t) => {
  for (let index = 0; index < 5_000; index += 1) t.false(reserved.isReserved(`x-${index}`));
  t.true(reserved.isReserved('remote_user'));
});
