import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { watchFiles } from '../../../src/config/watch.ts';

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface Watched {
  readonly directory: string;
  readonly file: string;
  /** Resolves once `count` changes were told in all. */
  readonly told: (count: number) => Promise<void>;
  readonly count: () => number;
  readonly update: (files: readonly string[]) => void;
}

async function watched(t: ExecutionContext, prepare?: (directory: string) => Promise<string>): Promise<Watched> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-watch-'));
  const file = (await prepare?.(directory)) ?? join(directory, 'sallyport.yaml');
  if (!prepare) await writeFile(file, 'first');
  let count = 0;
  const watcher = watchFiles([file], () => (count += 1), { runtime: { log }, settleMs: 20, pollMs: 100 });
  t.teardown(async () => {
    watcher.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const told = async (wanted: number): Promise<void> => {
    for (let tries = 0; count < wanted && tries < 400; tries += 1) await delay(20);
    t.is(count, wanted);
  };
  return { directory, file, told, count: () => count, update: watcher.update };
}

test('tells of a file written in place', async (t) => {
  const { file, told } = await watched(t);
  await writeFile(file, 'second');
  await told(1);
  await writeFile(file, 'third');
  await told(2);
});

test('tells of a file renamed over the watched one, again and again', async (t) => {
  const { directory, file, told } = await watched(t);
  for (const count of [1, 2, 3]) {
    await writeFile(join(directory, 'new'), `version ${count}`);
    await rename(join(directory, 'new'), file);
    await told(count);
  }
});

test('tells of a file deleted and made anew', async (t) => {
  const { file, told } = await watched(t);
  await unlink(file);
  await told(1);
  await writeFile(file, 'back');
  await told(2);
});

test('tells of a swap of the symbolic link that the file stands behind', async (t) => {
  const swap = async (directory: string, version: string): Promise<void> => {
    await mkdir(join(directory, version));
    await writeFile(join(directory, version, 'sallyport.yaml'), version);
    await symlink(version, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  const { directory, told } = await watched(t, async (place) => {
    await swap(place, '..v1');
    await symlink('..data/sallyport.yaml', join(place, 'sallyport.yaml'));
    return join(place, 'sallyport.yaml');
  });
  await swap(directory, '..v2');
  await told(1);
  await swap(directory, '..v3');
  await told(2);
});

test('tells of a change in a directory that was made anew', async (t) => {
  const { directory, told } = await watched(t, async (place) => {
    await mkdir(join(place, 'etc'));
    await writeFile(join(place, 'etc', 'x.yaml'), 'first');
    return join(place, 'etc', 'x.yaml');
  });
  await rm(join(directory, 'etc'), { recursive: true });
  await told(1);
  await mkdir(join(directory, 'etc'));
  await writeFile(join(directory, 'etc', 'x.yaml'), 'second');
  await told(2);
  await writeFile(join(directory, 'etc', 'x.yaml'), 'third');
  await told(3);
});

test('says nothing of a touch, of another file, or of the same contents', async (t) => {
  const { directory, file, told, count } = await watched(t);
  await utimes(file, new Date(), new Date());
  await writeFile(join(directory, 'other'), 'x');
  await writeFile(file, 'first');
  await delay(300);
  t.is(count(), 0);
  await writeFile(file, 'second');
  await told(1);
});

test('tells once of a file that is written in several steps', async (t) => {
  const { file, told, count } = await watched(t);
  for (const text of ['', 'ro', 'routes']) writeFileSync(file, text);
  await told(1);
  await delay(200);
  t.is(count(), 1);
});

test('watches other files after an update', async (t) => {
  const { directory, file, told, update } = await watched(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'a');
  update([file, secret]);
  await writeFile(secret, 'b');
  await told(1);
  await writeFile(file, 'second');
  await told(2);
});
