import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, has, startTarget, versionOf, type Target } from '../targets.ts';

export interface RedisOptions {
  readonly port?: number;
  /** Finds what it was told again after a restart; else it keeps nothing on disk. */
  readonly keeps?: boolean;
}

/** A redis-server; null where there is none. */
export async function startRedisServer(directory: string, options: RedisOptions = {}): Promise<Target | null> {
  if (!has('redis-server')) return null;
  const port = options.port ?? (await freePort());
  const home = join(directory, `redis-${port}`);
  mkdirSync(home, { recursive: true });
  return startTarget({
    name: 'redis-server',
    port,
    command: 'redis-server',
    args: [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      options.keeps ? 'yes' : 'no',
      '--dir',
      home,
    ],
    cwd: home,
    version: versionOf('redis-server', '--version'),
  });
}
