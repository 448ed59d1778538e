import { stringify } from 'yaml';

/** A person of the fixture. */
export interface FixtureUser {
  readonly name?: string;
  readonly email?: string;
  readonly groups?: readonly string[];
  readonly disabled?: boolean;
}

/**
 * The people of every attack: alice is an ordinary user, bob an admin, carol has no e-mail address, dave is disabled, erin to
 * heidi are in groups whose names come close to `admins`, zoe's name is not ASCII.
 */
export const fixtureUsers = {
  alice: { name: 'Alice Archer', email: 'alice@example.test', groups: ['users'] },
  bob: { name: 'Bob Baker', email: 'bob@example.test', groups: ['users', 'admins'] },
  carol: { name: 'Carol', groups: ['users'] },
  dave: { name: 'Dave', email: 'dave@example.test', groups: ['admins'], disabled: true },
  erin: { name: 'Erin', email: 'erin@example.test', groups: ['Admins'] },
  frank: { name: 'Frank', email: 'frank@example.test', groups: ['xadmins', 'admins2'] },
  grace: { name: 'Grace', email: 'grace@example.test', groups: ['ADMINS', 'admin'] },
  heidi: { name: 'Heidi', email: 'heidi@example.test' },
  zoe: { name: 'Zoë 田中 🔑', email: 'zoe@example.test', groups: ['users', 'Köche'] },
} as const satisfies Record<string, FixtureUser>;

export type FixtureName = keyof typeof fixtureUsers;

/** The password of a fixture user. */
export function passwordOf(user: FixtureName): string {
  return `${user} has a long password`;
}

/** argon2id of `passwordOf(user)` with the parameters that count as current, so that a sign-in renews nothing. */
export const passwordHashes: Readonly<Record<FixtureName, string>> = {
  alice: '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss',
  bob: '$argon2id$v=19$m=19456,t=2,p=1$9iK4Q6Bx6Nb0JjyfsNzqOA$fLecY3k5+PoJD3vXZU0oWXw5mELVBw/A27uPVAMnBtw',
  carol: '$argon2id$v=19$m=19456,t=2,p=1$qhEIZadbl4cmXL86M4VQLQ$CA/mZ4rig49FhMn3oca2s9+757Z+YsRd3Zuz4YaRYe4',
  dave: '$argon2id$v=19$m=19456,t=2,p=1$g9tX9QuUuW/G9PxokbgAYQ$XnJZ7/jOC3tO3m/6HVZB22bj3uQLc6W5SfZNZy06Ebw',
  erin: '$argon2id$v=19$m=19456,t=2,p=1$6d8EmBzQ9fAzrMEzwMmY4w$QqRWVqgAmwB0x7NpNl16z9WEn/4E/sEIkpWDCX2PG2o',
  frank: '$argon2id$v=19$m=19456,t=2,p=1$hHKwEPGJZOxur3QdsrLnAg$ba63KsRaUcG9GDW3OMPZV5CAe7zFJkXBSZPrT32jlAQ',
  grace: '$argon2id$v=19$m=19456,t=2,p=1$m+Wymtsixtt01BmDLYVhtQ$fA39Eze88L4TKmKBDsxW9hyx0MIZ4LbWaSeiyij07ec',
  heidi: '$argon2id$v=19$m=19456,t=2,p=1$o8idgfTTxbN/pcMyZs2o6w$PDVliYOF5N7Lz4B20jO6+bAiUiBdkec08E1mrZN8WSw',
  zoe: '$argon2id$v=19$m=19456,t=2,p=1$vw3vY1Etvpf8AGoIuFFPuA$bckOqBQaihkae0FQ2mUoFiWljXxh+NDk/pyv06K2wdI',
};

/** Text of a users file. Users that the fixture does not know get heidi's password. */
export function usersFile(users: Readonly<Record<string, FixtureUser>> = fixtureUsers): string {
  const entries = Object.entries(users).map(([user, rest]) => {
    const known = Object.hasOwn(passwordHashes, user) ? (user as FixtureName) : 'heidi';
    return [user, { ...rest, password: passwordHashes[known] }];
  });
  return stringify({ users: Object.fromEntries(entries) as unknown });
}

/** The identity headers of the `remote` set that the upstream must receive for a user, as Latin-1 text of the UTF-8 bytes. */
export function remoteHeadersOf(user: FixtureName): Readonly<Record<string, string>> {
  const { name, email, groups }: FixtureUser = fixtureUsers[user];
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  return {
    'remote-user': user,
    ...(name === undefined ? {} : { 'remote-name': bytes(name) }),
    ...(email === undefined ? {} : { 'remote-email': email }),
    ...(groups === undefined ? {} : { 'remote-groups': bytes(groups.join(',')) }),
  };
}
