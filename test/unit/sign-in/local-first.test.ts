import test from 'ava';
import type { PasswordVerdict } from '../../../src/sign-in/method.ts';
import { createLocalFirst, type PretendingMethod } from '../../../src/sign-in/methods/local-first.ts';
import type { DirectoryUser } from '../../../src/users/user-directory.ts';

function setUp() {
  const calls: string[] = [];
  const releases: (() => void)[] = [];
  const method = (id: string): PretendingMethod => ({
    kind: 'password',
    id,
    verify: async (user, password): Promise<PasswordVerdict> => {
      calls.push(`${id} verifies ${user}`);
      if (password !== 'right') return { kind: 'refused', reason: 'wrong-password' };
      const identity = { user, name: '', email: '', groups: [], claims: {}, method: id, issuer: id, subject: user };
      return { kind: 'verified', identity, credential: '', amr: ['pwd'] };
    },
    pretend: () => {
      calls.push(`${id} pretends`);
      return new Promise((resolve) => releases.push(resolve));
    },
  });
  const directory = {
    find: (user: string) => (user === 'alice' ? ({ disabled: true } as unknown as DirectoryUser) : null),
  };
  const both = createLocalFirst({ directory, local: method('local'), other: method('ldap') });
  return { both, calls, release: () => releases.splice(0).forEach((resolve) => resolve()) };
}

test('a name of the users file is asked of the file alone, any other of the directory alone', async (t) => {
  const { both, calls } = setUp();
  t.is((await both.verify('alice', 'right')).kind, 'verified');
  t.deepEqual(calls.splice(0).toSorted(), ['ldap pretends', 'local verifies alice']);
  t.is((await both.verify('bob', 'right')).kind, 'verified');
  t.deepEqual(calls.splice(0).toSorted(), ['ldap verifies bob', 'local pretends']);
});

test('a refusal does not wait for a directory that stands still', async (t) => {
  const { both } = setUp();
  // Keeps the process alive meanwhile, as a server would.
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));
  t.is((await both.verify('alice', 'wrong')).kind, 'refused');
});

test('a refusal waits for both, a right password for its own only', async (t) => {
  const { both, release } = setUp();
  let isOver = false;
  const refusal = both.verify('alice', 'wrong').finally(() => (isOver = true));
  await new Promise((resolve) => setImmediate(resolve));
  t.false(isOver);
  release();
  t.is((await refusal).kind, 'refused');
});
