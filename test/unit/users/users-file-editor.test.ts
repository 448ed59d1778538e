import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { withFileLock } from '../../../src/users/file-lock.ts';
import { createFirstUsersFile, generatePassword } from '../../../src/users/first-users-file.ts';
import { createPasswordHasher } from '../../../src/users/password-hasher.ts';
import { readUsersFile } from '../../../src/users/users-file.ts';
import { createUsersFileEditor } from '../../../src/users/users-file-editor.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { makeDirectory, makeFile } from '../../support/temporary.ts';

const hash = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const bcrypt = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

const original = `# our people

users:
    # the boss
    Alice:
        name: Alice   # she/her
        groups: [admins, users]
        password: '${bcrypt}'   # old

    # bob is here
    bob: {name: Bob, password: ${bcrypt}}
    carol:
        disabled: true
        groups:
            - users
`;

const record = { name: '', email: '', groups: [], passwordHash: '', disabled: false };

test('changes nothing but the value of a password that stands already', async (t) => {
  const path = await makeFile(t, 'users.yaml', original);
  const editor = createUsersFileEditor({ path, randomBytes });
  t.is((await editor.setPasswordHash('alice', hash)).kind, 'written');
  t.is(await readFile(path, 'utf8'), original.replace(`'${bcrypt}'`, `"${hash}"`));
  t.is((await editor.setPasswordHash('bob', hash)).kind, 'written');
  const text = await readFile(path, 'utf8');
  t.is(text, original.replace(`'${bcrypt}'`, `"${hash}"`).replace(bcrypt, `"${hash}"`));
  t.is((await editor.setDisabled('carol', false)).kind, 'written');
  t.is(await readFile(path, 'utf8'), text.replace('disabled: true', 'disabled: false'));
});

test('keeps comments and order when a field, a user is added or removed', async (t) => {
  const path = await makeFile(t, 'users.yaml', original);
  const editor = createUsersFileEditor({ path, randomBytes });
  t.is((await editor.setDisabled('alice', true)).kind, 'written');
  t.is(
    (await editor.add({ ...record, user: 'dora', name: 'Dora', groups: ['a', 'b'], passwordHash: hash })).kind,
    'written',
  );
  t.is((await editor.remove('bob')).kind, 'written');
  t.is(
    await readFile(path, 'utf8'),
    `# our people

users:
    # the boss
    Alice:
        name: Alice # she/her
        groups: [admins, users]
        password: '${bcrypt}' # old
        disabled: true
    carol:
        disabled: true
        groups:
            - users
    dora:
        name: Dora
        groups: [a, b]
        password: "${hash}"
`,
  );
});

test('keeps lists that stand below their key', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users:\n  alice:\n    groups:\n    - a\n    - b\n');
  await createUsersFileEditor({ path, randomBytes }).setDisabled('alice', true);
  t.is(await readFile(path, 'utf8'), 'users:\n  alice:\n    groups:\n    - a\n    - b\n    disabled: true\n');
});

test('refuses to add a user twice and to change one who is not there', async (t) => {
  const path = await makeFile(t, 'users.yaml', original);
  const editor = createUsersFileEditor({ path, randomBytes });
  t.is((await editor.add({ ...record, user: 'alice' })).kind, 'user-exists');
  t.is((await editor.setDisabled('nobody', true)).kind, 'unknown-user');
  t.is((await editor.setPasswordHash('nobody', hash)).kind, 'unknown-user');
  t.is((await editor.remove('nobody')).kind, 'unknown-user');
  t.is((await editor.setPasswordHash('alice', hash, 'another')).kind, 'changed-meanwhile');
  t.is(await readFile(path, 'utf8'), original);
});

test('adds the first user to an empty map, to none at all, and a user whose name YAML takes for something else', async (t) => {
  for (const text of ['users: {}\n', 'users:\n', '# nobody yet\nusers: {} # really\n']) {
    const path = await makeFile(t, 'users.yaml', text);
    const editor = createUsersFileEditor({ path, randomBytes });
    for (const user of ['null', '1234', 'true', '<<', "o'brien: #1"])
      t.is((await editor.add({ ...record, user, name: 'x' })).kind, 'written', user);
    const { users, faults } = await readUsersFile(path);
    t.deepEqual(faults, []);
    t.deepEqual(
      users.map(({ user }) => user),
      ['null', '1234', 'true', '<<', "o'brien: #1"],
    );
  }
});

test('leaves a faulty file and an htpasswd file as they are', async (t) => {
  const faulty = await makeFile(t, 'users.yaml', 'users: {alice: {nmae: x}}');
  t.is((await createUsersFileEditor({ path: faulty, randomBytes }).setDisabled('alice', true)).kind, 'faulty');
  const htpasswd = await makeFile(t, 'people', `alice:${bcrypt}\n`);
  t.is((await createUsersFileEditor({ path: htpasswd, randomBytes }).setDisabled('alice', true)).kind, 'not-ours');
  t.is(await readFile(htpasswd, 'utf8'), `alice:${bcrypt}\n`);
});

test('keeps the mode of the file and leaves nothing behind', async (t) => {
  for (const mode of [0o600, 0o640, 0o644]) {
    const path = await makeFile(t, 'users.yaml', original);
    await chmod(path, mode);
    await createUsersFileEditor({ path, randomBytes }).setDisabled('alice', true);
    t.is((await stat(path)).mode & 0o777, mode);
    t.deepEqual(await readdir(dirname(path)), ['users.yaml']);
  }
});

test('replaces the target of a symbolic link, which stays a link', async (t) => {
  const directory = await makeDirectory(t);
  await mkdir(join(directory, 'real'));
  await writeFile(join(directory, 'real', 'users.yaml'), original);
  const path = join(directory, 'users.yaml');
  await symlink('real/users.yaml', path);
  await createUsersFileEditor({ path, randomBytes }).setDisabled('alice', true);
  t.true((await lstat(path)).isSymbolicLink());
  t.regex(await readFile(join(directory, 'real', 'users.yaml'), 'utf8'), /disabled: true\n {4}#?/);
});

test('rejects when there is no file, naming it', async (t) => {
  const path = join(await makeDirectory(t), 'none.yaml');
  await t.throwsAsync(createUsersFileEditor({ path, randomBytes }).setDisabled('alice', true), {
    code: 'users-file-invalid',
    message: `could not write users file "${path}"`,
  });
});

test('parallel writers lose nothing and a reader always finds a whole file', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users: {}\n');
  let writing = true;
  const reader = (async () => {
    let reads = 0;
    while (writing) {
      const { faults } = await readUsersFile(path);
      t.deepEqual(faults, []);
      reads += 1;
    }
    return reads;
  })();
  const editors = [0, 1, 2].map(() => createUsersFileEditor({ path, randomBytes }));
  await Promise.all(
    editors.map(async (editor, writer) => {
      for (let index = 0; index < 8; index += 1) await editor.add({ ...record, user: `u${writer}-${index}` });
    }),
  );
  writing = false;
  t.true((await reader) > 0);
  t.is((await readUsersFile(path)).users.length, 24);
  t.deepEqual(await readdir(dirname(path)), ['users.yaml']);
});

test('takes over a lock that a dead process left, once for all who wait', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users: {}\n');
  await writeFile(`${path}.lock`, 'dead');
  let [inside, most] = [0, 0];
  const order: number[] = [];
  await Promise.all(
    [1, 2, 3, 4].map((worker) =>
      withFileLock({ path, randomBytes, staleAfterMs: 100 }, async (lock) => {
        inside += 1;
        most = Math.max(most, inside);
        t.true(await lock.isHeld());
        order.push(worker);
        inside -= 1;
      }),
    ),
  );
  t.is(most, 1);
  t.deepEqual(order.toSorted(), [1, 2, 3, 4]);
  t.deepEqual(await readdir(dirname(path)), ['users.yaml']);
});

test('gives up on a lock that stays held, and knows when its own was taken', async (t) => {
  const path = await makeFile(t, 'users.yaml', 'users: {}\n');
  await withFileLock({ path, randomBytes }, async (lock) => {
    await t.throwsAsync(
      withFileLock({ path, randomBytes, patienceMs: 100 }, async () => t.fail()),
      { code: 'users-file-invalid' },
    );
    await writeFile(`${path}.lock`, 'another');
    t.false(await lock.isHeld());
  });
  t.is(await readFile(`${path}.lock`, 'utf8'), 'another', 'a lock of somebody else is not taken away');
});

test('makes the first users file once, with a password that works and mode 0600', async (t) => {
  const hasher = createPasswordHasher({ runtime: createTestRuntime() });
  const path = join(await makeDirectory(t), 'var', 'users.yaml');
  const outcomes = await Promise.all([1, 2].map(() => createFirstUsersFile({ path, hasher, randomBytes })));
  const made = outcomes.filter((outcome) => outcome !== null);
  t.is(made.length, 1);
  t.is((await stat(path)).mode & 0o777, 0o600);
  const { users, faults } = await readUsersFile(path);
  t.deepEqual(faults, []);
  t.is(users[0]?.user, 'admin');
  t.true(await hasher.verify(made[0]?.password ?? '', users[0]?.passwordHash ?? '', []));
  t.false((await readFile(path, 'utf8')).includes(made[0]?.password ?? '?'));
  t.is(await createFirstUsersFile({ path, hasher, randomBytes }), null);
  t.deepEqual(await readdir(dirname(path)), ['users.yaml']);
});

test('generates passwords of 100 bits that people can read', (t) => {
  const passwords = new Set(Array.from({ length: 200 }, () => generatePassword(randomBytes)));
  t.is(passwords.size, 200);
  for (const password of passwords) t.regex(password, /^[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}$/);
});
