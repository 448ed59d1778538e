import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../errors.ts';

export interface FileLockOptions {
  readonly path: string;
  readonly randomBytes: (size: number) => Buffer;
  /** A lock that did not change for this long was left by a process that died. Default 5 s. */
  readonly staleAfterMs?: number;
  /** How long to wait for the lock. Default 15 s: longer than a dead process can keep it. */
  readonly patienceMs?: number;
}

/** Held while the function runs. */
export interface HeldLock {
  /** False when another process has taken the lock for stale: then nothing may be written any more. */
  readonly isHeld: () => Promise<boolean>;
}

const retryMs = 25;

/**
 * Runs `work` while no other process that asks does: a lock file beside `path`, made exclusively. Rejects with
 * `users-file-invalid` when the lock can't be had.
 */
export async function withFileLock<T>(options: FileLockOptions, work: (lock: HeldLock) => Promise<T>): Promise<T> {
  const { staleAfterMs = 5_000, patienceMs = 15_000 } = options;
  const lockPath = `${options.path}.lock`;
  const mark = options.randomBytes(16).toString('hex');
  // Time is counted in own attempts: the clock of a network's file system may be another one.
  let [seen, seenFor] = ['', 0];
  for (let waited = 0; !(await tryCreate(lockPath, mark)); waited += retryMs) {
    if (waited > patienceMs) throw new GatewayError('users-file-invalid', `could not lock "${options.path}"`);
    const found = await fingerprintOf(lockPath);
    seenFor = found === seen ? seenFor + retryMs : 0;
    seen = found;
    if (found !== '' && seenFor >= staleAfterMs) await removeStale(lockPath, found, `${lockPath}.${mark}`);
    else await delay(retryMs);
  }
  const isHeld = async (): Promise<boolean> => (await readFile(lockPath, 'utf8').catch(() => '')) === mark;
  try {
    return await work({ isHeld });
  } finally {
    if (await isHeld()) await unlink(lockPath).catch(() => undefined);
  }
}

async function tryCreate(lockPath: string, mark: string): Promise<boolean> {
  try {
    const file = await open(lockPath, 'wx', 0o600);
    try {
      await file.writeFile(mark);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new GatewayError('users-file-invalid', `could not make the lock file "${lockPath}"`, { cause: error });
  }
}

/** Which lock it is; empty when there is none. */
async function fingerprintOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found === null ? '' : `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}

/** Moves a stale lock away under a name of our own first: of several that find it stale, one gets it. */
async function removeStale(lockPath: string, stale: string, ownPath: string): Promise<void> {
  const moved = await rename(lockPath, ownPath).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  // Another process was quicker and this is its fresh lock: give it back.
  if ((await fingerprintOf(ownPath)) !== stale) await link(ownPath, lockPath).catch(() => undefined);
  await unlink(ownPath).catch(() => undefined);
}
