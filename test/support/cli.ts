import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endChild, run } from './programs.ts';
import type { Ran, RunOptions } from './programs.ts';

const cli = join(fileURLToPath(new URL('../../', import.meta.url)), 'src/cli.ts');

/** Only what a command may know of the machine; `SALLYPORT_…` of whoever runs the tests stays out. */
function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...extra };
}

/** Runs one `sallyport` command to its end. */
export function sallyport(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(process.execPath, [cli, ...args], { ...options, env: environment(options.env) });
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** What it has written so far, both streams. */
  readonly output: () => string;
  readonly exit: () => number | string | null;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

/** Starts a `sallyport` command that goes on, such as `start`. */
export function launchSallyport(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): RunningCommand {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return {
    child,
    output: () => output,
    exit: () => child.exitCode ?? child.signalCode,
    stop: (signal) => endChild(child, signal),
  };
}
