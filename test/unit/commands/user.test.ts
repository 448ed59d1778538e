import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { createPasswordHasher } from '../../../src/users/password-hasher.ts';
import { readUsersFile } from '../../../src/users/users-file.ts';
import { runCommand } from '../../support/command.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { makeDirectory } from '../../support/temporary.ts';

const hash = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const bcrypt = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

async function setUp(t: ExecutionContext, users: string | null = `users:\n  alice: {password: "${hash}"} # boss\n`) {
  const cwd = await makeDirectory(t);
  const file = join(cwd, 'users.yaml');
  if (users !== null) await writeFile(file, users);
  return {
    cwd,
    file,
    run: (args: readonly string[], stdin = '') => runCommand(['user', ...args, '--file', 'users.yaml'], { cwd, stdin }),
    read: () => readFile(file, 'utf8'),
    verify: async (user: string, password: string) => {
      const record = (await readUsersFile(file)).users.find((one) => one.user === user);
      const hasher = createPasswordHasher({ runtime: createTestRuntime() });
      return hasher.verify(password, record?.passwordHash ?? null, []);
    },
  };
}

test('adds a user with a password from standard input', async (t) => {
  const { run, verify, file } = await setUp(t);
  const args = ['add', 'Bob', '--name', 'Bob Baker', '--email', 'bob@example.test', '--group', 'users', 'admins'];
  t.deepEqual(await run(args, 'a long password\n'), { code: 0, stdout: 'added bob\n', stderr: '' });
  t.true(await verify('bob', 'a long password'));
  const { users, faults } = await readUsersFile(file);
  t.deepEqual(faults, []);
  t.like(users[1], { user: 'bob', name: 'Bob Baker', email: 'bob@example.test', groups: ['users', 'admins'] });
});

test('makes the file with its first user, readable by its owner alone', async (t) => {
  const { run, file, verify } = await setUp(t, null);
  t.is((await run(['add', 'bob'], 'a long password')).code, 0);
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.true(await verify('bob', 'a long password'));
});

test('prints a generated password once, and it works', async (t) => {
  const { run, verify } = await setUp(t);
  const added = await run(['add', 'bob', '--generate']);
  const first = /^password: (\S+) /m.exec(added.stdout)?.[1] ?? '';
  t.true(await verify('bob', first));
  const changed = await run(['set-password', 'bob', '--generate']);
  const second = /^password: (\S+) /m.exec(changed.stdout)?.[1] ?? '';
  t.not(first, second);
  t.false(await verify('bob', first));
  t.true(await verify('bob', second));
});

test('refuses a password that is too short, too long, the user name, or none', async (t) => {
  const { run, read } = await setUp(t);
  const before = await read();
  for (const password of ['seven 7', 'x'.repeat(1_001), '', '🔑'.repeat(7), 'Benedikt'])
    for (const args of [
      ['add', 'benedikt'],
      ['set-password', 'alice'],
    ])
      if (password !== 'Benedikt' || args[0] === 'add') {
        const { code, stderr } = await run(args, password);
        t.is(code, 2, password.slice(0, 10));
        t.regex(stderr, /^sallyport: the password is/);
      }
  t.is(await read(), before);
});

test('refuses values that no upstream could be told', async (t) => {
  const { run } = await setUp(t);
  for (const args of [
    ['add', 'bob', '--name', 'a\r\nRemote-User: admin'],
    ['add', 'bob', '--email', 'a\nb'],
    ['add', 'bob', '--group', 'a,admins'],
    ['add', 'bob\n'],
    ['add', ''],
  ])
    t.is((await run(args, 'a long password')).code, 2, JSON.stringify(args));
});

test('disables, enables and removes, keeping comments', async (t) => {
  const { run, read } = await setUp(t);
  t.deepEqual(await run(['disable', 'ALICE']), { code: 0, stdout: 'disabled alice\n', stderr: '' });
  t.regex(await read(), /disabled: true.* # boss/);
  t.is((await run(['enable', 'alice'])).code, 0);
  t.regex(await read(), /disabled: false.* # boss/);
  t.is((await run(['remove', 'alice'])).code, 0);
  t.notRegex(await read(), /alice/);
});

test('lists the users and what is the matter with them', async (t) => {
  const { run } = await setUp(
    t,
    `users:
  alice: {name: Zoë, email: a@x.test, groups: [users, admins], password: "${hash}"}
  bob: {password: "${bcrypt}"}
  carol: {disabled: true}
  dora: {}
  erin: {password: plain}
`,
  );
  const { code, stdout } = await run(['list']);
  t.is(code, 0);
  t.deepEqual(stdout.split('\n'), [
    'USER   NAME  EMAIL     GROUPS        STATE',
    'alice  Zoë   a@x.test  users,admins  active',
    'bob                                  active, old hash',
    'carol                                disabled',
    'dora                                 no password',
    'erin                                 password unusable',
    '',
  ]);
  t.false(stdout.includes('$2y'));
});

test('says what can not be done, exit code 1', async (t) => {
  const { run } = await setUp(t);
  t.regex((await run(['add', 'alice'], 'a long password')).stderr, /there is a user "alice" already/);
  for (const name of ['disable', 'enable', 'remove', 'set-password']) {
    const { code, stderr } = await run([name, 'nobody'], 'a long password');
    t.is(code, 1);
    t.regex(stderr, /there is no user "nobody"/);
  }
});

test('leaves a faulty file and an htpasswd file as they are', async (t) => {
  const faulty = await setUp(t, 'users: {alice: {nmae: x}}');
  const refused = await faulty.run(['disable', 'alice']);
  t.is(refused.code, 2);
  t.regex(refused.stderr, /users\.yaml:1:17: users\.alice\.nmae: is not known here/);
  const { cwd } = await setUp(t, null);
  await writeFile(join(cwd, 'people'), `alice:${bcrypt}\n`);
  const htpasswd = await runCommand(['user', 'disable', 'alice', '--file', 'people'], { cwd });
  t.is(htpasswd.code, 1);
  t.regex(htpasswd.stderr, /htpasswd/);
});

test('finds the users file by the configuration', async (t) => {
  const { cwd, read } = await setUp(t);
  await mkdir(join(cwd, 'config'));
  await writeFile(
    join(cwd, 'config', 'sallyport.yaml'),
    'signIn: {local: {users: ../users.yaml}}\nroutes: [{upstream: "http://127.0.0.1:3000"}]\n',
  );
  t.deepEqual(await runCommand(['user', 'disable', 'alice'], { cwd }), {
    code: 0,
    stdout: 'disabled alice\n',
    stderr: '',
  });
  t.regex(await read(), /disabled: true/);
});
