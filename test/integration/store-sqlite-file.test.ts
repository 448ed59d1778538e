import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hasCode } from '../../src/errors.ts';
import { createSessionStore } from '../../src/session/store.ts';
import { openStore } from '../../src/store/open.ts';
import { createSqlitePurge } from '../../src/store/sqlite-purge.ts';
import { openSqliteFile } from '../../src/store/sqlite-file.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { endChild, eventually } from '../support/programs.ts';

const secret = Buffer.alloc(32, 9);
const config = { idleTimeoutMs: 3_600_000, lifetimeMs: 43_200_000, rememberForMs: 0 };

async function folderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sqlite-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('makes folder and files that only we can read', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore({
    url: `sqlite:${join(folder, 'a', 'b', 'x.db')}`,
    secret,
    runtime: createTestRuntime(Date.now()),
  });
  await store.namespace('n').set('k', 'v');
  t.is((await stat(join(folder, 'a', 'b'))).mode & 0o777, 0o700);
  const files = await readdir(join(folder, 'a', 'b'));
  t.deepEqual(files.toSorted(), ['x.db', 'x.db-shm', 'x.db-wal']);
  for (const file of files) t.is((await stat(join(folder, 'a', 'b', file))).mode & 0o777, 0o600, file);
  await store.close();
});

test('keeps every session that was answered when the process is killed', async (t) => {
  const folder = await folderFor(t);
  const url = `sqlite:${join(folder, 'x.db')}`;
  const writer = `
    import { randomBytes } from 'node:crypto';
    import { openStore } from ${JSON.stringify(import.meta.resolve('../../src/store/open.ts'))};
    import { createSessionStore } from ${JSON.stringify(import.meta.resolve('../../src/session/store.ts'))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const runtime = { now: Date.now, randomBytes, log };
    const secret = Buffer.alloc(32, 9);
    const store = await openStore({ url: ${JSON.stringify(url)}, secret, runtime });
    const sessions = createSessionStore({ store, secret, config: ${JSON.stringify(config)}, runtime });
    const identity = { user: 'ann', name: '', email: '', groups: [], claims: {}, method: 'local', issuer: 'local', subject: 'ann' };
    for (let count = 0; count < 90; count += 1) {
      const { token, session } = await sessions.create({ identity, site: 'app.test', remembered: false, amr: [], address: '', userAgent: '', credential: '' });
      if (count % 3 === 0) await sessions.end(session.id, 'signed-out');
      process.stdout.write((count % 3 === 0 ? 'ended ' : 'live ') + token + '\\n');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', writer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => endChild(child, 'SIGKILL'));
  const answered: string[] = [];
  createInterface(child.stdout).on('line', (line) => void answered.push(line));
  await eventually('the child has written some sessions', () => answered.length >= 30);
  await endChild(child, 'SIGKILL');

  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url, secret, runtime });
  const sessions = createSessionStore({ store, secret, config, runtime });
  for (const line of answered) {
    const [state, token] = line.split(' ');
    t.is((await sessions.find(token!))?.identity.user, state === 'live' ? 'ann' : undefined, line);
  }
  const live = answered.filter((line) => line.startsWith('live')).length;
  const listed = (await sessions.list('ann')).length;
  // One more may have been written whose answer was not.
  t.true(listed === live || listed === live + 1);
  await store.close();
});

test('opens once when many start at once', async (t) => {
  const folder = await folderFor(t);
  const url = `sqlite:${join(folder, 'x.db')}`;
  const source = `
    import { randomBytes } from 'node:crypto';
    import { openStore } from ${JSON.stringify(import.meta.resolve('../../src/store/open.ts'))};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const store = await openStore({ url: ${JSON.stringify(url)}, runtime: { now: Date.now, randomBytes, log } });
    await store.counters.add('starts', 1, 60000);
    await store.close();`;
  const codes = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', source], { stdio: 'inherit' });
      return new Promise((resolve) => child.once('close', resolve));
    }),
  );
  t.deepEqual(codes, [0, 0, 0, 0]);
  const store = await openStore({ url, runtime: createTestRuntime(Date.now()) });
  t.is((await store.counters.get('starts'))?.count, 4);
  await store.close();
});

test('holds neither token nor user name nor address in what a copy of the files shows', async (t) => {
  const folder = await folderFor(t);
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url: `sqlite:${join(folder, 'x.db')}`, secret, runtime });
  const sessions = createSessionStore({ store, secret, config, runtime });
  const { token } = await sessions.create({
    identity: {
      user: 'annabelle',
      name: 'Annabelle Lee',
      email: 'lee@example.com',
      groups: ['poets'],
      claims: {},
      method: 'local',
      issuer: 'local',
      subject: 'ann',
    },
    site: 'app.test',
    remembered: false,
    amr: ['pwd'],
    address: '198.51.100.77',
    userAgent: 'telltale browser',
    credential: 'telltale fingerprint',
  });
  t.truthy(await sessions.find(token));
  await store.counters.add('account:annabelle', 1, 60_000);
  await store.counters.add('address:198.51.100.77', 1, 60_000);
  const files = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'latin1')));
  const dump = files.join('\n');
  t.true(dump.length > 1_000);
  for (const secretText of [token, 'annabelle', 'Annabelle', 'lee@', 'poets', '198.51.100.77', 'telltale']) {
    t.false(dump.includes(secretText), secretText);
  }
  await store.close();
});

test('says what to do about a damaged database, at the start and later', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'x.db');
  await writeFile(path, 'this is no database, whatever its name says'.repeat(100));
  const runtime = createTestRuntime(Date.now());
  const atStart = await t.throwsAsync(openStore({ url: `sqlite:${path}`, secret, runtime }));
  t.true(hasCode(atStart, 'store-corrupt'));
  t.regex(atStart.message, /x\.db is damaged or not a database; move it away/);

  const other = join(folder, 'y.db');
  const store = await openStore({ url: `sqlite:${other}`, secret, runtime });
  const keyv = store.namespace('n');
  for (let count = 0; count < 500; count += 1) await keyv.set(`k${count}`, 'v'.repeat(100));
  await store.close();
  const bytes = await readFile(other);
  bytes.fill(0xff, 4096);
  await writeFile(other, bytes);
  const later = await t.throwsAsync(async () => {
    const damaged = await openStore({ url: `sqlite:${other}`, secret, runtime });
    try {
      await damaged.namespace('n').get('k7');
    } finally {
      await damaged.close();
    }
  });
  t.true(hasCode(later, 'store-corrupt'), String(later));
});

test('refuses a database of a newer version', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'x.db');
  const db = new DatabaseSync(path);
  db.exec('pragma user_version = 99');
  db.close();
  const error = await t.throwsAsync(
    openStore({ url: `sqlite:${path}`, secret, runtime: createTestRuntime(Date.now()) }),
  );
  t.true(hasCode(error, 'store-corrupt'));
  t.regex(error.message, /newer version/);
});

test('says that the place is not usable', async (t) => {
  const folder = await folderFor(t);
  await writeFile(join(folder, 'file'), '');
  for (const path of [join(folder, 'file', 'x.db'), folder]) {
    const error = await t.throwsAsync(
      openStore({ url: `sqlite:${path}`, secret, runtime: createTestRuntime(Date.now()) }),
    );
    t.true(hasCode(error, 'store-unavailable'), path);
  }
});

test('refuses to write when the disk is full, and goes on when there is room again', async (t) => {
  const folder = await folderFor(t);
  const file = await openSqliteFile(join(folder, 'x.db'));
  file.prepare('pragma max_page_count = 1').get();
  const insert = file.prepare('insert into records (ns, k, v, e) values (?, ?, ?, null)');
  const fill = () => file.attemptDurably('write a record', () => insert.run('n', 'big', 'x'.repeat(1_000_000)));
  const error = t.throws(fill);
  t.true(hasCode(error, 'store-unavailable'), String(error));
  file.prepare('pragma max_page_count = 100000').get();
  t.notThrows(fill);
  file.close();
});

test('rejects everything once closed', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore({
    url: `sqlite:${join(folder, 'x.db')}`,
    secret,
    runtime: createTestRuntime(Date.now()),
  });
  const keyv = store.namespace('n');
  await store.close();
  await store.close();
  t.true(hasCode(await t.throwsAsync(keyv.get('k')), 'store-unavailable'));
  t.true(hasCode(await t.throwsAsync(store.check()), 'store-unavailable'));
  t.false(store.events.isCurrent());
});

test('purges what has ended, in steps, and leaves the rest', async (t) => {
  const runtime = createTestRuntime(Date.now());
  const file = await openSqliteFile(null);
  const insert = file.prepare('insert into records (ns, k, v, e) values (?, ?, ?, ?)');
  const nowMs = runtime.now();
  for (let count = 0; count < 1_200; count += 1) insert.run('n', `old${count}`, 'v', nowMs + 1_000);
  insert.run('n', 'young', 'v', nowMs + 100_000);
  insert.run('n', 'endless', 'v', null);
  file.prepare('insert into counters (k, n, e) values (?, 1, ?)').run('c', nowMs + 1_000);
  file.prepare('insert into members (s, m, e) values (?, ?, ?)').run('s', 'm', nowMs + 1_000);
  file.prepare('insert into events (at, origin, event) values (?, ?, ?)').run(nowMs - 600_000, 'o', 'e');
  const purge = createSqlitePurge(file, runtime);
  runtime.advance(2_000);
  t.is(await purge.run(), 1_203);
  t.is(await purge.run(), 0);
  const left = file.prepare('select k from records order by k').all();
  t.deepEqual(
    left.map((row) => row['k']),
    ['endless', 'young'],
  );
  purge.stop();
  file.close();
});

test('tells of an end even after a nap that was longer than events are kept', async (t) => {
  const folder = await folderFor(t);
  const url = `sqlite:${join(folder, 'x.db')}`;
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url, secret, runtime });
  const heard: string[] = [];
  store.events.subscribe(({ kind }) => heard.push(kind));
  t.true(store.events.isCurrent());
  runtime.advance(400_000);
  // It looks once a turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  t.true(store.events.isCurrent());
  t.deepEqual(heard, ['missed']);
  await store.close();
});

test('opens a file whose name holds spaces, signs and letters of other alphabets', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'with space & ünïcode?.db');
  const url = `sqlite:${path}`;
  const store = await openStore({ url, secret, runtime: createTestRuntime(Date.now()) });
  const value = randomBytes(10).toString('hex');
  await store.namespace('n').set('k', value);
  await store.close();
  const again = await openStore({ url, secret, runtime: createTestRuntime(Date.now()) });
  t.is(await again.namespace('n').get('k'), value);
  await again.close();
});
