import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A directory of this test's own, gone afterwards. */
export async function makeDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A file in a directory of this test's own. */
export async function makeFile(t: ExecutionContext, name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(await makeDirectory(t), name);
  await writeFile(path, text, { mode });
  return path;
}
