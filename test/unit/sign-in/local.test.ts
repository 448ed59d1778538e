import test from 'ava';
import { createLocalMethod } from '../../../src/sign-in/methods/local.ts';
import type { CostProfile } from '../../../src/users/password-hash.ts';
import type { PasswordHasher } from '../../../src/users/password-hasher.ts';
import type { DirectoryUser, UserDirectory } from '../../../src/users/user-directory.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const strong = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const weak = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const profiles: readonly CostProfile[] = ['argon2:argon2id:19456:2:1', 'bcrypt:5'];

function setUp(canRehash = true) {
  const users = new Map<string, DirectoryUser>();
  const put = (user: string, passwordHash: string, disabled = false): void => {
    const identity = {
      user,
      name: '',
      email: '',
      groups: [],
      claims: {},
      method: 'local',
      issuer: 'local',
      subject: user,
    };
    users.set(user, { identity, disabled, passwordHash, credential: `c:${passwordHash}` });
  };
  put('alice', strong);
  put('bob', weak);
  put('dave', strong, true);
  put('erin', '');
  const verified: [string, string | null, readonly CostProfile[]][] = [];
  const rehashed: [string, string, string][] = [];
  const during = { verify: (): void => undefined };
  const directory: UserDirectory = {
    revision: 1,
    profiles,
    canRehash,
    find: (user) => users.get(user) ?? null,
    reload: async () => [],
    rehash: async (user, oldHash, newHash) => {
      rehashed.push([user, oldHash, newHash]);
      put(user, newHash);
      return true;
    },
    sameCredential: (one, other) => one === other,
  };
  const hasher: PasswordHasher = {
    hash: async () => strong,
    verify: async (password, hash, also) => {
      verified.push([password, hash, also]);
      during.verify();
      return password === 'right' && hash !== null && hash !== '';
    },
  };
  const method = createLocalMethod({ directory, hasher, runtime: createTestRuntime() });
  return { method, users, put, verified, rehashed, during };
}

test('vouches for a user whose password is right', async (t) => {
  const { method } = setUp();
  const verdict = await method.verify('alice', 'right');
  t.is(verdict.kind, 'verified');
  if (verdict.kind !== 'verified') return;
  t.is(verdict.identity.user, 'alice');
  t.is(verdict.credential, `c:${strong}`);
  t.deepEqual(verdict.amr, ['pwd']);
});

test('refuses everybody else, after comparing once with all kinds of hashes of the file', async (t) => {
  const { method, verified } = setUp();
  const refusals = [
    ['alice', 'wrong', 'wrong-password'],
    ['bob', 'wrong', 'wrong-password'],
    ['nobody', 'right', 'unknown-user'],
    ['dave', 'right', 'user-disabled'],
    ['dave', 'wrong', 'user-disabled'],
    ['erin', 'right', 'no-password'],
  ] as const;
  for (const [user, password, reason] of refusals)
    t.deepEqual(await method.verify(user, password), { kind: 'refused', reason });
  t.is(verified.length, refusals.length, 'one comparison each');
  for (const [, , also] of verified) t.is(also, profiles);
  for (const index of [3, 4]) t.is(verified[index]?.[1], null, 'a disabled user costs what an unknown one costs');
});

test('renews a weak hash after a right password only, and once for tabs side by side', async (t) => {
  const { method, rehashed } = setUp();
  await method.verify('bob', 'wrong');
  await method.verify('alice', 'right');
  t.deepEqual(rehashed, []);
  await Promise.all([method.verify('bob', 'right'), method.verify('bob', 'right'), method.verify('bob', 'right')]);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(rehashed, [['bob', weak, strong]]);
});

test('leaves weak hashes of an htpasswd file as they are', async (t) => {
  const { method, rehashed } = setUp(false);
  t.is((await method.verify('bob', 'right')).kind, 'verified');
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(rehashed, []);
});

test('a user who is disabled, gone or has another password by the end of the comparison is refused', async (t) => {
  const { method, users, put, during } = setUp();
  during.verify = () => put('alice', strong, true);
  t.deepEqual(await method.verify('alice', 'right'), { kind: 'refused', reason: 'user-disabled' });
  put('alice', strong);
  during.verify = () => put('alice', weak);
  t.deepEqual(await method.verify('alice', 'right'), { kind: 'refused', reason: 'wrong-password' });
  put('alice', strong);
  during.verify = () => users.delete('alice');
  t.deepEqual(await method.verify('alice', 'right'), { kind: 'refused', reason: 'unknown-user' });
});
