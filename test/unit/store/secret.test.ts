import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hasCode } from '../../../src/errors.ts';
import { loadStoreSecret } from '../../../src/store/secret.ts';
import { createTestRuntime } from '../../support/runtime.ts';

async function folderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-secret-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('takes the configured secret as it is', async (t) => {
  const runtime = createTestRuntime(Date.now());
  const secret = 'a secret that is long enough to be one';
  for (const storeUrl of ['memory:', 'sqlite:/nowhere/x.db', 'redis://localhost']) {
    t.is((await loadStoreSecret({ config: { secret }, storeUrl, runtime })).toString(), secret);
  }
});

test('makes a new one for a store in memory', async (t) => {
  const runtime = createTestRuntime(Date.now());
  const load = () => loadStoreSecret({ config: { secret: undefined }, storeUrl: 'memory:', runtime });
  const [one, other] = [await load(), await load()];
  t.is(one.length, 32);
  t.notDeepEqual(one, other);
});

test('demands one for Redis and says what to write', async (t) => {
  const runtime = createTestRuntime(Date.now());
  const error = await t.throwsAsync(
    loadStoreSecret({ config: { secret: undefined }, storeUrl: 'redis://localhost', runtime }),
  );
  t.true(hasCode(error, 'config-invalid'));
  t.regex(error.message, /store\.secret: \$\{SALLYPORT_SECRET\}/);
});

test('makes one beside the database, the same for all who start at once, and for later starts', async (t) => {
  const folder = await folderFor(t);
  const runtime = createTestRuntime(Date.now());
  const storeUrl = `sqlite:${join(folder, 'var', 'sallyport.db')}`;
  const load = () => loadStoreSecret({ config: { secret: undefined }, storeUrl, runtime });
  const secrets = await Promise.all(Array.from({ length: 20 }, load));
  for (const secret of secrets) t.deepEqual(secret, secrets[0]);
  t.deepEqual(await load(), secrets[0]);
  t.deepEqual(await readdir(join(folder, 'var')), ['sallyport.db.secret']);
  const path = join(folder, 'var', 'sallyport.db.secret');
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.is((await stat(join(folder, 'var'))).mode & 0o777, 0o700);
  t.is(Buffer.from((await readFile(path, 'utf8')).trim(), 'base64').length, 32);
  t.is(runtime.lines.filter(({ event }) => event === 'store.secret-made').length, 1);
  t.false(JSON.stringify(runtime.lines).includes(secrets[0]!.toString()));
});

test('warns of a secret that others can read', async (t) => {
  const folder = await folderFor(t);
  const runtime = createTestRuntime(Date.now());
  const path = join(folder, 'x.db.secret');
  await writeFile(path, `${randomBytes(32).toString('base64')}\n`);
  await chmod(path, 0o644);
  await loadStoreSecret({ config: { secret: undefined }, storeUrl: `sqlite:${join(folder, 'x.db')}`, runtime });
  t.true(runtime.lines.some(({ level, event }) => level === 'warn' && event === 'store.secret-readable-by-others'));
});

test('refuses a file that is no secret, and a place where none can be made', async (t) => {
  const folder = await folderFor(t);
  const runtime = createTestRuntime(Date.now());
  await writeFile(join(folder, 'short.db.secret'), 'short', { mode: 0o600 });
  await mkdir(join(folder, 'folder.db.secret'));
  await writeFile(join(folder, 'file'), '');
  const faultOf = async (name: string) =>
    t.throwsAsync(
      loadStoreSecret({ config: { secret: undefined }, storeUrl: `sqlite:${join(folder, name)}`, runtime }),
    );
  t.true(hasCode(await faultOf('short.db'), 'config-invalid'));
  t.true(hasCode(await faultOf('folder.db'), 'store-unavailable'));
  t.true(hasCode(await faultOf('file/x.db'), 'store-unavailable'));
});
