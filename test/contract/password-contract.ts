import type { ExecutionContext, TestFn } from 'ava';
import { canonicalUserName } from '../../src/identity/user-name.ts';
import type { PasswordMethod } from '../../src/sign-in/method.ts';
import type { LogLine } from '../support/runtime.ts';

/** A method with the people of `contractPeople` behind it. */
export interface PasswordWorld {
  readonly method: PasswordMethod;
  /** `method` and `issuer` of the identities that it makes. */
  readonly id: string;
  readonly issuer: string;
  /** What it logged. */
  readonly lines: () => readonly LogLine[];
  /** Disables a person from outside, or gives them another password. */
  readonly disable: (user: string) => Promise<void>;
  readonly setPassword: (user: string, password: string) => Promise<void>;
}

export interface ContractPerson {
  readonly user: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly password: string;
}

/** Who must be known to every method that runs the contract. `shut` is disabled. */
export const contractPeople: readonly ContractPerson[] = [
  {
    user: 'alice',
    name: 'Alice Archer',
    email: 'alice@example.test',
    groups: ['readers', 'users'],
    password: 'alice secret',
  },
  { user: 'zoe', name: 'Zoë 田中', email: 'zoe@example.test', groups: [], password: 'pässwörd 🔑 ' },
  {
    user: "o'brien, bob (ops)*",
    name: "O'Brien, Bob (ops)*",
    email: 'bob@example.test',
    groups: ['users'],
    password: '*)(uid=*',
  },
  { user: 'long', name: 'Long', email: 'long@example.test', groups: [], password: 'x'.repeat(1_000) },
  { user: 'shut', name: 'Shut', email: 'shut@example.test', groups: [], password: 'shut secret' },
];

/** What every way to sign in with a user name and a password keeps to, wherever the passwords are. */
export function passwordContract(
  test: TestFn,
  kind: string,
  open: (t: ExecutionContext) => Promise<PasswordWorld>,
): void {
  const kindOf = async ({ method }: PasswordWorld, user: string, password: string) =>
    (await method.verify(user, password)).kind;
  const [alice, zoe, odd, long, shut] = contractPeople;
  if (!alice || !zoe || !odd || !long || !shut) throw new Error('somebody is missing');

  test(`${kind}: a right password gives the whole identity`, async (t) => {
    const world = await open(t);
    for (const person of [alice, zoe, odd, long]) {
      const verdict = await world.method.verify(person.user, person.password);
      if (verdict.kind !== 'verified') return t.fail(`${person.user}: ${JSON.stringify(verdict)}`);
      const { identity } = verdict;
      t.is(identity.user, person.user);
      t.true(canonicalUserName(identity.user) === identity.user);
      t.is(identity.name, person.name);
      t.is(identity.email, person.email);
      t.deepEqual([...identity.groups].toSorted(), [...person.groups]);
      t.is(identity.method, world.id);
      t.is(identity.issuer, world.issuer);
      t.not(identity.subject, '');
      t.deepEqual(verdict.amr, ['pwd']);
    }
  });

  test(`${kind}: one person is the same subject each time, and no two people are`, async (t) => {
    const world = await open(t);
    const subjects = new Map<string, string>();
    for (const { user, password } of [alice, zoe, odd, alice, zoe]) {
      const verdict = await world.method.verify(user, password);
      const subject = verdict.kind === 'verified' ? verdict.identity.subject : '';
      t.is(subjects.get(user) ?? subject, subject);
      subjects.set(user, subject);
    }
    t.is(new Set(subjects.values()).size, 3);
  });

  test(`${kind}: the password counts to the letter`, async (t) => {
    const world = await open(t);
    const wrong = [
      '',
      ' ',
      'alice secret ',
      ' alice secret',
      'Alice secret',
      'alice secret\0',
      'alice secre',
      'alice secret\n',
    ];
    for (const password of wrong) t.is(await kindOf(world, 'alice', password), 'refused', JSON.stringify(password));
    t.is(await kindOf(world, 'zoe', zoe.password.normalize('NFD')), 'refused');
    t.is(await kindOf(world, 'zoe', zoe.password.trim()), 'refused');
    t.is(await kindOf(world, 'long', long.password.slice(1)), 'refused');
    t.is(await kindOf(world, 'alice', zoe.password), 'refused');
  });

  test(`${kind}: nobody gets in by a name that is a pattern, a path or another's`, async (t) => {
    const world = await open(t);
    const names = [
      '*',
      'a*',
      'ali?e',
      'alice)(uid=*',
      'alice)(|(uid=*',
      '*)(uid=alice',
      'alice\\2a',
      'alice,ou=people',
      '(alice)',
      'alice+',
      '__proto__',
      'constructor',
      '../alice',
      'nobody',
    ];
    for (const name of names) t.is(await kindOf(world, name, alice.password), 'refused', name);
  });

  test(`${kind}: a disabled person is refused, also from one try to the next`, async (t) => {
    const world = await open(t);
    t.is(await kindOf(world, shut.user, shut.password), 'refused');
    t.is(await kindOf(world, alice.user, alice.password), 'verified');
    await world.disable(alice.user);
    t.is(await kindOf(world, alice.user, alice.password), 'refused');
  });

  test(`${kind}: a new password takes the place of the old one, and marks the sessions of the old`, async (t) => {
    const world = await open(t);
    const before = await world.method.verify(alice.user, alice.password);
    await world.setPassword(alice.user, 'another secret');
    t.is(await kindOf(world, alice.user, alice.password), 'refused');
    const after = await world.method.verify(alice.user, 'another secret');
    t.true(before.kind === 'verified' && after.kind === 'verified' && before.credential !== after.credential);
  });

  test(`${kind}: tries side by side don't mix people up, and no password is logged`, async (t) => {
    const world = await open(t);
    const tries = Array.from({ length: 24 }, async (_, index) => {
      const person = [alice, zoe, odd][index % 3] ?? alice;
      const verdict = await world.method.verify(person.user, index % 4 === 3 ? 'wrong secret' : person.password);
      return verdict.kind === 'verified' ? verdict.identity.user === person.user : index % 4 === 3;
    });
    t.true((await Promise.all(tries)).every(Boolean));
    const log = JSON.stringify(world.lines());
    for (const secret of [alice.password, zoe.password, odd.password, 'wrong secret']) t.false(log.includes(secret));
  });
}
