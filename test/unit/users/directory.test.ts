import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import test from 'ava';
import { GatewayError } from '../../../src/errors.ts';
import { createUserDirectory } from '../../../src/users/directory.ts';
import type { RehashNamespace } from '../../../src/users/rehash-records.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { makeFile } from '../../support/temporary.ts';

const first = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const second = '$argon2id$v=19$m=19456,t=2,p=1$9iK4Q6Bx6Nb0JjyfsNzqOA$fLecY3k5+PoJD3vXZU0oWXw5mELVBw/A27uPVAMnBtw';
const bcrypt = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

function memoryNamespace(): RehashNamespace & { readonly map: Map<string, string> } {
  const map = new Map<string, string>();
  return {
    map,
    get: async (key) => map.get(key),
    set: async (key, value) => {
      map.set(key, value);
      return true;
    },
  };
}

function open(file: string, namespace: RehashNamespace = memoryNamespace()) {
  const runtime = createTestRuntime();
  return { runtime, directory: createUserDirectory({ file, runtime, store: { namespace: () => namespace } }) };
}

test('finds users by canonical name once the file was read', async (t) => {
  const file = await makeFile(t, 'users.yaml', `users: {Alice: {name: A, groups: [g], password: "${first}"}}`);
  const { directory } = open(file);
  t.is(directory.find('alice'), null);
  t.is(directory.revision, 0);
  t.deepEqual(await directory.reload(), []);
  t.is(directory.revision, 1);
  t.deepEqual(directory.find('alice')?.identity, {
    user: 'alice',
    name: 'A',
    email: '',
    groups: ['g'],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'alice',
  });
  t.is(directory.find('__proto__'), null);
  t.is(directory.find('Alice'), null);
});

test('the revision grows with the users, and what did not change stays the same object', async (t) => {
  const file = await makeFile(t, 'users.yaml', 'users: {alice: {groups: [a]}, bob: {}}');
  const { directory } = open(file);
  await directory.reload();
  const [alice, bob] = [directory.find('alice'), directory.find('bob')];
  await directory.reload();
  t.is(directory.revision, 1);
  await writeFile(file, 'users: {alice: {groups: [b]}, bob: {}}');
  await directory.reload();
  t.is(directory.revision, 2);
  t.deepEqual(directory.find('alice')?.identity.groups, ['b']);
  t.not(directory.find('alice'), alice);
  t.is(directory.find('bob'), bob);
  await writeFile(file, 'users: {bob: {disabled: true}}');
  await directory.reload();
  t.is(directory.find('alice'), null);
  t.true(directory.find('bob')?.disabled);
  t.is(directory.find('bob')?.identity, bob?.identity);
});

test('a faulty or missing file changes nothing, is logged and told', async (t) => {
  const file = await makeFile(t, 'users.yaml', `users: {alice: {password: "${first}"}}`);
  const { directory, runtime } = open(file);
  await directory.reload();
  const alice = directory.find('alice');
  await writeFile(file, 'users: {alice: {nmae: x}}');
  t.is((await directory.reload()).length, 1);
  await rm(file);
  t.is((await directory.reload()).length, 1);
  t.is(directory.find('alice'), alice);
  t.is(directory.revision, 1);
  t.is(runtime.lines.filter(({ event }) => event === 'users.reload-failed').length, 2);
  await writeFile(file, 'users: {}');
  t.deepEqual(await directory.reload(), []);
  t.is(directory.find('alice'), null);
});

test('parallel reloads end with what the file said last', async (t) => {
  const file = await makeFile(t, 'users.yaml', 'users: {}');
  const { directory } = open(file);
  const reloads: Promise<unknown>[] = [];
  for (let index = 0; index < 20; index += 1) {
    await writeFile(`${file}.new`, `users: {u${index}: {}}`);
    await rename(`${file}.new`, file);
    reloads.push(directory.reload());
  }
  await Promise.all(reloads);
  t.not(directory.find('u19'), null);
});

test('the credential changes with the password, and opens nothing', async (t) => {
  const file = await makeFile(
    t,
    'users.yaml',
    `users: {alice: {password: "${first}"}, bob: {name: B, password: "${second}"}}`,
  );
  const { directory } = open(file);
  await directory.reload();
  const credential = directory.find('alice')?.credential ?? '';
  t.regex(credential, /^[A-Za-z0-9_-]{22}$/);
  t.false(await directory.sameCredential(credential, directory.find('bob')?.credential ?? ''));
  await writeFile(file, `users: {alice: {name: New, password: "${first}"}}`);
  await directory.reload();
  t.is(directory.find('alice')?.credential, credential);
  t.true(directory.sameCredential(credential, credential) === true, 'synchronous when equal');
  await writeFile(file, `users: {alice: {password: "${second}"}}`);
  await directory.reload();
  t.false(await directory.sameCredential(credential, directory.find('alice')?.credential ?? ''));
});

test('a rehash is written to the file and keeps sessions alive, in other processes too', async (t) => {
  const file = await makeFile(t, 'users.yaml', `users:\n  alice:\n    password: "${bcrypt}" # old\n`);
  const namespace = memoryNamespace();
  const one = open(file, namespace).directory;
  const other = open(file, namespace).directory;
  await Promise.all([one.reload(), other.reload()]);
  const before = one.find('alice')?.credential ?? '';
  t.true(await one.rehash('alice', bcrypt, first));
  t.is(await readFile(file, 'utf8'), `users:\n  alice:\n    password: "${first}" # old\n`);
  t.is(one.find('alice')?.passwordHash, first);
  t.is(one.revision, 2);
  await other.reload();
  for (const directory of [one, other])
    t.true(await directory.sameCredential(before, directory.find('alice')?.credential ?? ''));
  t.true(await one.rehash('alice', first, second));
  t.true(await one.sameCredential(before, one.find('alice')?.credential ?? ''), 'over two rehashes');
});

test('a rehash never goes over a password that was changed meanwhile', async (t) => {
  const file = await makeFile(t, 'users.yaml', `users: {alice: {password: "${bcrypt}"}}`);
  const { directory } = open(file);
  await directory.reload();
  const before = directory.find('alice')?.credential ?? '';
  await writeFile(file, `users: {alice: {password: "${second}"}}`);
  t.false(await directory.rehash('alice', bcrypt, first));
  await directory.reload();
  t.is(directory.find('alice')?.passwordHash, second);
  t.false(await directory.sameCredential(before, directory.find('alice')?.credential ?? ''));
});

test('a rehash that can not be written or remembered changes nothing and is logged', async (t) => {
  const file = await makeFile(t, 'users.yaml', `users: {alice: {password: "${bcrypt}"}}`);
  const broken: RehashNamespace = {
    get: async () => undefined,
    set: () => Promise.reject(new GatewayError('store-unavailable', 'could not reach the store')),
  };
  const { directory, runtime } = open(file, broken);
  await directory.reload();
  t.false(await directory.rehash('alice', bcrypt, first));
  t.regex(await readFile(file, 'utf8'), /\$2y\$05/);
  t.is(runtime.lines.filter(({ event }) => event === 'users.rehash-failed').length, 1);
  t.true(directory.canRehash, 'the store may be back for the next one');
  const readOnly = open(file);
  await readOnly.directory.reload();
  await rm(dirname(file), { recursive: true });
  t.false(await readOnly.directory.rehash('alice', bcrypt, first));
  t.false(readOnly.directory.canRehash, 'a file that can not be written is not tried at every sign-in');
  t.is(readOnly.runtime.lines.filter(({ event }) => event === 'users.rehash-failed').length, 1);
});

test('an htpasswd file is read, never written', async (t) => {
  const file = await makeFile(t, 'people', `alice:${bcrypt}\n`);
  await chmod(file, 0o640);
  const { directory } = open(file);
  await directory.reload();
  t.false(directory.canRehash);
  t.not(directory.find('alice'), null);
  t.false(await directory.rehash('alice', bcrypt, first));
  t.is(await readFile(file, 'utf8'), `alice:${bcrypt}\n`);
});

test('knows the kinds of hashes in the file, at most four of them, commonest first', async (t) => {
  const entries = [first, second, bcrypt, ...[6, 7, 8, 9].map((cost) => bcrypt.replace('05', `0${cost}`))];
  const file = await makeFile(
    t,
    'h.yaml',
    `users:\n${entries.map((hash, i) => `  u${i}: {password: "${hash}"}`).join('\n')}`,
  );
  const { directory } = open(file);
  await directory.reload();
  t.is(directory.profiles.length, 4);
  t.is(directory.profiles[0], 'argon2:argon2id:19456:2:1');
});
