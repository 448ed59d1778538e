import test from 'ava';
import fc from 'fast-check';
import { mapClaims, type MappingConfig } from '../../../../src/sign-in/oidc/claims.ts';

const config: MappingConfig = {
  id: 'corp',
  nameClaim: 'name',
  emailClaim: 'email',
  groupsClaim: 'groups',
  userPrefix: '',
  trustEmail: false,
  requiredClaims: {},
};
const token = { iss: 'https://id.test', sub: '42', aud: 'x', exp: 1, nonce: 'n' };

function identityOf(claims: object, more: Partial<MappingConfig> = {}) {
  const mapped = mapClaims({ ...token, ...claims }, { ...config, ...more });
  if (mapped.kind === 'refused') throw new Error(mapped.reason);
  return mapped.identity;
}

function reasonOf(claims: object, more: Partial<MappingConfig> = {}): string {
  const mapped = mapClaims({ ...token, ...claims }, { ...config, ...more });
  return mapped.kind === 'refused' ? mapped.reason : 'none';
}

test('makes an identity of what a provider usually says', (t) => {
  const claims = {
    preferred_username: 'Ann',
    name: ' Ann A. ',
    email: 'Ann@Corp.test',
    email_verified: true,
    groups: ['b', 'a', 'b'],
  };
  t.deepEqual(identityOf(claims), {
    user: 'ann',
    name: 'Ann A.',
    email: 'Ann@corp.test'.toLowerCase(),
    groups: ['b', 'a'],
    claims: {
      preferred_username: ['Ann'],
      name: [' Ann A. '],
      email: ['Ann@Corp.test'],
      email_verified: ['true'],
      groups: ['b', 'a', 'b'],
    },
    method: 'corp',
    issuer: 'https://id.test',
    subject: '42',
  });
});

test('the user name is the preferred one, else a verified address, else the subject, or just what is named', (t) => {
  t.is(identityOf({ email: 'a@b.test', email_verified: true }).user, 'a@b.test');
  t.is(identityOf({ email: 'a@b.test' }).user, '42');
  t.is(identityOf({ preferred_username: '' }).user, '42');
  t.is(identityOf({ upn: 'X' }, { userClaim: 'upn', userPrefix: 'corp-' }).user, 'corp-x');
  t.is(reasonOf({ preferred_username: 'ann' }, { userClaim: 'upn' }), 'no-user-name');
  t.is(reasonOf({ email: 'a@b.test' }, { userClaim: 'email' }), 'no-user-name', 'nobody vouches for it');
  t.is(reasonOf({ preferred_username: 'a\u0000b' }), 'no-user-name');
});

test('a claim of the very name comes before a path that leads into objects', (t) => {
  const nested = { realm_access: { roles: ['deep'] } };
  t.deepEqual(identityOf(nested, { groupsClaim: 'realm_access.roles' }).groups, ['deep']);
  t.deepEqual(identityOf({ ...nested, 'realm_access.roles': ['flat'] }, { groupsClaim: 'realm_access.roles' }).groups, [
    'flat',
  ]);
  t.deepEqual(identityOf({ 'https://x.test/groups': 'one' }, { groupsClaim: 'https://x.test/groups' }).groups, ['one']);
  for (const path of ['__proto__', 'constructor', 'groups.length', 'groups.0', 'toString', 'a..b'])
    t.deepEqual(identityOf({ groups: ['x'] }, { groupsClaim: path }).groups, [], path);
  t.deepEqual(identityOf(nested).claims['realm_access.roles'], ['deep']);
});

test('who lacks a required claim is refused, also with a claim of another type', (t) => {
  const requiredClaims = { hd: ['corp.test'], 'realm_access.roles': ['staff', 'board'] };
  const good = { hd: 'corp.test', realm_access: { roles: ['x', 'board'] } };
  t.is(reasonOf(good, { requiredClaims }), 'none');
  for (const wrong of [{ hd: 'other' }, { hd: undefined }, { hd: { 0: 'corp.test' } }, { realm_access: ['board'] }])
    t.is(reasonOf({ ...good, ...wrong }, { requiredClaims }), 'required-claim-missing');
  t.is(reasonOf({ email_verified: true }, { requiredClaims: { email_verified: ['true'] } }), 'none');
});

test('what travels with the session is bounded, and says nothing of the protocol', (t) => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`c${String(index)}`, 'v']));
  t.true(Object.keys(identityOf(many).claims).length <= 100);
  t.deepEqual(identityOf({ huge: 'x'.repeat(20_000), small: 'y' }).claims, { small: ['y'] });
  t.deepEqual(identityOf({ at_hash: 'h', sid: 's', auth_time: 1, acr: 'gold' }).claims, { acr: ['gold'] });
  const odd = JSON.parse('{"__proto__":{"admin":"yes"},"nested":{"a":{"b":{"c":{"d":1}}}}}') as object;
  t.is(Object.getPrototypeOf(identityOf(odd).claims), Object.prototype);
});

test('whatever a provider says comes to an identity that is sound, or to a no', (t) => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const claims = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('groups', 'email', 'name', 'preferred_username')),
    value,
  );
  fc.assert(
    fc.property(claims, (said) => {
      const mapped = mapClaims({ ...said, iss: 'https://id.test', sub: '42' }, config);
      if (mapped.kind === 'refused') return true;
      const { user, name, email, groups, claims: kept } = mapped.identity;
      const texts = [user, name, email, ...groups, ...Object.values(kept).flat()];
      return !texts.some((text) => /\p{Cc}/u.test(text)) && !groups.some((group) => group.includes(',')) && user !== '';
    }),
    { numRuns: 500 },
  );
  t.pass();
});
