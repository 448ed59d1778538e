import test from 'ava';
import { describeFault } from '../../../src/faults.ts';
import { readHtpasswd } from '../../../src/users/htpasswd.ts';
import { checkUsersFile, readUsersFile } from '../../../src/users/users-file.ts';
import { readYamlUsers } from '../../../src/users/yaml-users.ts';
import { makeFile } from '../../support/temporary.ts';

const argon2 = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const bcrypt = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

const faultsOf = (text: string): string[] => readYamlUsers(text, 'users.yaml').faults.map(describeFault);

test('reads users with all their fields, understands displayname', (t) => {
  const { users, faults, weakFaults } = readYamlUsers(
    `users:
  Alice:
    name: Alice Archer
    email: alice@example.test
    groups: [users, 'Köche']
    password: "${argon2}"
  bob: { displayname: 'Zoë 田中 🔑', disabled: true }
  1234: {}
`,
    'users.yaml',
  );
  t.deepEqual(faults, []);
  t.deepEqual(weakFaults, []);
  t.deepEqual(users, [
    {
      user: 'alice',
      name: 'Alice Archer',
      email: 'alice@example.test',
      groups: ['users', 'Köche'],
      passwordHash: argon2,
      disabled: false,
    },
    { user: 'bob', name: 'Zoë 田中 🔑', email: '', groups: [], passwordHash: '', disabled: true },
    { user: '1234', name: '', email: '', groups: [], passwordHash: '', disabled: false },
  ]);
});

test('words that other versions of YAML take for something else are text', (t) => {
  const { users } = readYamlUsers('users: { no: { groups: [on, off, 0o17x, 1:30] } }', 'users.yaml');
  t.deepEqual(users[0]?.groups, ['on', 'off', '0o17x', '1:30']);
  t.is(users[0]?.user, 'no');
});

test('names file, line and column of every fault at once', (t) => {
  const faults = faultsOf(`users:
  alice:
    nmae: Alice
    email: 42
    groups: [ok, "a,admins"]
  bob: yes
other: 1
`);
  t.deepEqual(faults, [
    'users.yaml:7:1: other: is not known here; the only key is users',
    'users.yaml:3:5: users.alice.nmae: is not known here; the keys are name, email, groups, password and disabled',
    'users.yaml:4:12: users.alice.email: is not text; put it in quotes',
    'users.yaml:5:18: users.alice.groups[1]: holds a comma, which separates groups; write two groups, or the group without it',
    'users.yaml:6:8: users.bob: is not a map; write {name: …, email: …, groups: […], password: …}',
  ]);
});

test('refuses two users that are the same in canonical form', (t) => {
  for (const [one, other] of [
    ['alice', 'ALICE'],
    ['alice', 'ａｌｉｃｅ'],
    ['alice', 'alice'],
  ] as const)
    t.regex(faultsOf(`users:\n  ${one}: {}\n  "${other}": {}\n`)[0] ?? '', /^users\.yaml:3:3: .*same user/, other);
});

test('refuses control characters in user names, names, e-mail addresses and groups', (t) => {
  const texts = ['a\\r\\nRemote-User: admin', 'a\\nb', 'a\\0b', 'a\\x7fb', 'a\\x85b', '\\e[31m'];
  for (const text of texts) {
    t.is(faultsOf(`users: {alice: {name: "${text}"}}`).length, 1, `name ${text}`);
    t.is(faultsOf(`users: {alice: {email: "${text}"}}`).length, 1, `email ${text}`);
    t.is(faultsOf(`users: {alice: {groups: ["${text}"]}}`).length, 1, `group ${text}`);
    t.is(faultsOf(`users: {"${text}": {}}`).length, 1, `user ${text}`);
  }
  for (const user of ['', ' alice', 'alice ']) t.is(faultsOf(`users: {"${user}": {}}`).length, 1, JSON.stringify(user));
});

test('leaves out a group with white space at its ends, which an upstream would take for another', (t) => {
  const { users, faults, weakFaults } = readYamlUsers('users: {alice: {groups: ["admins ", users]}}', 'users.yaml');
  t.deepEqual(faults, []);
  t.is(weakFaults.length, 1);
  t.deepEqual(users[0]?.groups, ['users']);
});

test('refuses what is no map of users', (t) => {
  for (const text of ['', 'users: []', 'users: alice', '[]', 'alice: {}', 'users: {}\nusers: {}', '? [a]\n: b'])
    t.true(faultsOf(text).length > 0, text);
  t.deepEqual(faultsOf('users:'), []);
  t.deepEqual(faultsOf('users: {}'), []);
});

test('refuses duplicate keys, tags, aliases, merge keys and keys of JavaScript objects', (t) => {
  for (const text of [
    'users: {alice: {name: a, name: b}}',
    'users: {alice: {name: a, displayname: b}}',
    'users: {alice: !!js/function "x"}',
    'users: {alice: {name: !secret a}}',
    'users: {alice: &a {name: x}, bob: *a}',
    'users: {alice: &a {name: x}, bob: {<<: *a}}',
    'users: {alice: {__proto__: {disabled: true}}}',
    'users: {alice: {disabled: "no"}}',
    'a: 1\n---\nb: 2',
    'users: {alice: {',
  ])
    t.true(faultsOf(text).length > 0, text);
  t.is(({} as Record<string, unknown>)['disabled'], undefined);
});

test('survives nesting without end', (t) => {
  t.true(faultsOf(`users: ${'['.repeat(10_000)}`).length > 0);
  t.true(faultsOf(`users: ${'{a: '.repeat(10_000)}`).length > 0);
});

test('takes a user whose password can not be used, and says so in the check', async (t) => {
  const text = `users:
  alice: { password: hunter2hunter2 }
  bob: { password: "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" }
  carol: { password: "${argon2}" }
`;
  t.deepEqual(faultsOf(text), []);
  const path = await makeFile(t, 'users.yaml', text);
  t.deepEqual((await checkUsersFile(path)).map(describeFault), [
    `${path}:2:22: users.alice.password: is not a password hash; make a new one with \`sallyport hash-password\``,
    `${path}:3:20: users.bob.password: is an unsalted SHA-1 hash, which is too weak; make a new one with \`sallyport hash-password\``,
  ]);
});

test('never repeats a password in a fault', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users: {alice: {password: hunter2hunter2}}');
  t.false(JSON.stringify(await checkUsersFile(path)).includes('hunter2'));
});

test('recognises an htpasswd file by its content', async (t) => {
  const path = await makeFile(t, 'people', `# staff\nAlice:${bcrypt}\r\n\nbob:${bcrypt}\n`);
  const file = await readUsersFile(path);
  t.is(file.format, 'htpasswd');
  t.deepEqual(file.faults, []);
  t.deepEqual(
    file.users.map(({ user, passwordHash }) => [user, passwordHash]),
    [
      ['alice', bcrypt],
      ['bob', bcrypt],
    ],
  );
  for (const hash of ['{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', '$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00', 'rqXexS6ZhobKA'])
    t.is((await readUsersFile(await makeFile(t, 'people', `alice:${hash}\n`))).format, 'htpasswd', hash);
  t.is((await readUsersFile(await makeFile(t, 'people', `users:\n  alice: {}\n`))).format, 'yaml');
});

test('says of weak kinds in an htpasswd file where they stand', (t) => {
  const { users, faults, weakFaults } = readHtpasswd(
    `alice:${bcrypt}\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\ncarol:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n`,
    'h',
  );
  t.deepEqual(faults, []);
  t.deepEqual(
    weakFaults.map(({ line, column, path }) => [line, column, path]),
    [
      [2, 5, 'bob'],
      [3, 7, 'carol'],
    ],
  );
  t.is(users.length, 3);
});

test('refuses broken lines and doubles in an htpasswd file', (t) => {
  const { faults } = readHtpasswd(`alice:${bcrypt}\nALICE:${bcrypt}\nno colon\n:${bcrypt}\n`, 'h');
  t.deepEqual(
    faults.map(({ line }) => line),
    [2, 3, 4],
  );
});

test('a file that is missing, a directory, not UTF-8 or too large is a fault', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users: {}');
  t.regex((await checkUsersFile(`${path}.not`))[0]?.message ?? '', /ENOENT/);
  t.is((await checkUsersFile(`${path}/..`)).length, 1);
  const latin1 = await makeFile(t, 'users.yaml', '');
  const { writeFile } = await import('node:fs/promises');
  await writeFile(latin1, Buffer.from('users: {alice: {name: Zo\xeb}}', 'latin1'));
  t.regex((await checkUsersFile(latin1))[0]?.message ?? '', /UTF-8/);
  await writeFile(latin1, '#'.repeat(5 * 1024 * 1024));
  t.regex((await checkUsersFile(latin1))[0]?.message ?? '', /larger/);
});
