import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A server under load: its process trees are what is measured. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pids: readonly number[];
  readonly version: string;
  readonly stop: () => Promise<void>;
}

export interface TargetOptions {
  readonly name: string;
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly version: string;
  /** Started with it and counted with it. */
  readonly parts?: readonly Target[];
}

/** Starts a program and waits until its port answers. Its words go to a file in `cwd`, as a service's would. */
export async function startTarget(options: TargetOptions): Promise<Target> {
  const { name, port, parts = [] } = options;
  const log = openSync(join(options.cwd, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${port}.log`), 'a');
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('error', () => undefined);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), 3_000);
    if (child.pid !== undefined) await gone;
    clearTimeout(limit);
    for (const part of parts) await part.stop();
  };
  for (let attempt = 0; !(await answers(port)); attempt += 1) {
    if (attempt > 1_200 || child.exitCode !== null) {
      await stop();
      throw new Error(`${name} did not start`);
    }
    await delay(50);
  }
  return { name, port, pids: [child.pid ?? 0, ...parts.flatMap(({ pids }) => pids)], version: options.version, stop };
}

export async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** Whether a program is on the PATH or among the system's own servers. */
export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: { ...process.env, PATH: path } }).status === 0;
}

export function versionOf(program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: path } });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? '?';
}
