import { link, open, rename, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file's content so that a reader, or a machine after a power cut, finds the old or the new one whole. Keeps mode
 * and owner. `path` must not be a symbolic link. Rejects with the system's error and then leaves the file as it was.
 *
 * @param beforeRename last chance to say no, by throwing
 */
export async function replaceFile(
  path: string,
  text: string,
  suffix: string,
  beforeRename: () => Promise<void>,
): Promise<void> {
  const { mode, uid, gid } = await stat(path);
  await writeAside(path, text, suffix, mode & 0o777, async (file, temporary) => {
    const made = await file.stat();
    if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid);
    await file.sync();
    await beforeRename();
    await rename(temporary, path);
  });
}

/** Makes a file with mode 0600, whole or not at all. False when there is one already. */
export async function createFile(path: string, text: string, suffix: string): Promise<boolean> {
  return writeAside(path, text, suffix, 0o600, async (file, temporary) => {
    await file.sync();
    try {
      // Unlike a rename, a link never replaces a file that somebody else just made.
      await link(temporary, path);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    } finally {
      await unlink(temporary);
    }
  });
}

async function writeAside<T>(
  path: string,
  text: string,
  suffix: string,
  mode: number,
  finish: (file: FileHandle, temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${suffix}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    // Not by open: the umask would cut it.
    await file.chmod(mode);
    const result = await finish(file, temporary);
    await syncDirectory(dirname(path));
    return result;
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** A rename is on disk only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
