import { lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';

/** Takes away a socket file that nobody answers on: a process that was killed left it. Anything else at that path stays. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() !== true) return;
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (!isAnswered) await unlink(path).catch(() => undefined);
}
