import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import type { Runtime } from '../runtime.ts';

export interface WatchOptions {
  readonly runtime: Pick<Runtime, 'log'>;
  /** A change counts once the contents have stood still for this long, so that no half-written file is read. */
  readonly settleMs?: number;
  /** How often to look without being told, for file systems that tell nothing (network mounts). */
  readonly pollMs?: number;
}

export interface FileWatcher {
  /** Watches these files from now on; what is known of those already watched stays, so that no change falls between. */
  readonly update: (files: readonly string[]) => void;
  readonly stop: () => void;
}

/**
 * Calls `onChange` when the contents of any file changed: written in place, renamed over, swapped behind a symbolic link
 * (Kubernetes' `..data`), deleted or made anew. Watches directories, as a watched file goes deaf after a rename. A touch
 * without a change is not told. Never keeps the process alive.
 */
export function watchFiles(files: readonly string[], onChange: () => void, options: WatchOptions): FileWatcher {
  const { settleMs = 150, pollMs = 5_000 } = options;
  const watched = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  let known = fingerprints(files);
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const wake = (): void => {
    if (!stopped) timer ??= setTimeout(look, settleMs).unref();
  };
  const look = (): void => {
    timer = undefined;
    watchDirectories();
    const seen = fingerprints([...known.keys()]);
    if (isSame(seen, known)) return;
    timer = setTimeout(settle, settleMs, seen).unref();
  };
  const settle = (seen: ReadonlyMap<string, string>): void => {
    timer = undefined;
    const now = fingerprints([...known.keys()]);
    if (!isSame(now, seen)) return wake();
    known = now;
    onChange();
  };
  const watchDirectories = (): void => {
    const wanted = new Set([...known.keys()].flatMap(directoriesOf));
    for (const [directory, { watcher, inode }] of watched) {
      // A directory made anew under the old name is another one: its watcher hears nothing.
      if (wanted.has(directory) && inodeOf(directory) === inode) continue;
      watcher.close();
      watched.delete(directory);
    }
    for (const directory of wanted) if (!watched.has(directory)) watchDirectory(directory);
  };
  const watchDirectory = (directory: string): void => {
    const inode = inodeOf(directory);
    // Not there (yet): the slow look comes back to it.
    if (inode === undefined) return;
    try {
      const watcher = watch(directory, { persistent: false }, wake);
      watcher.on('error', () => watcher.close());
      watched.set(directory, { watcher, inode });
    } catch (error) {
      options.runtime.log.debug('config.watch-refused', { directory, error: String(error) });
    }
  };

  const poll = setInterval(wake, pollMs).unref();
  watchDirectories();
  return {
    update: (next) => {
      known = new Map([...fingerprints(next), ...[...known].filter(([file]) => next.includes(file))]);
      watchDirectories();
      wake();
    },
    stop: () => {
      stopped = true;
      clearInterval(poll);
      clearTimeout(timer);
      for (const { watcher } of watched.values()) watcher.close();
      watched.clear();
    },
  };
}

/** Where a change of the file shows: beside its name, and beside what a symbolic link makes of it. */
function directoriesOf(file: string): readonly string[] {
  try {
    return [dirname(file), dirname(realpathSync(file))];
  } catch {
    return [dirname(file)];
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function isSame(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([file, fingerprint]) => right.get(file) === fingerprint);
}

function fingerprints(files: readonly string[]): ReadonlyMap<string, string> {
  return new Map(files.map((file): [string, string] => [file, fingerprint(file)]));
}

const largestHashedBytes = 2 * 1024 * 1024;

/** Read at once, not by and by: these files are small, and nothing may change between one look and the next. */
function fingerprint(file: string): string {
  try {
    const found = statSync(file);
    // Never read from a pipe; of something large the date must do.
    if (!found.isFile() || found.size > largestHashedBytes) return `${found.ino} ${found.size} ${found.mtimeMs}`;
    return `${found.mode} ${createHash('sha256').update(readFileSync(file)).digest('base64')}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}
