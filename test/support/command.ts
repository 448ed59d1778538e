import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CommandContext, ExitCode, Input } from '../../src/commands/context.ts';
import { runProgram } from '../../src/commands/program.ts';

export interface CommandRun {
  readonly code: ExitCode | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What stands in standard input, or a stream that plays a terminal. */
  readonly stdin?: string | Input;
}

/** Runs one command line of `sallyport` within this process and tells what came out. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
  const said = { stdout: '', stderr: '' };
  let code: ExitCode | undefined;
  const stdin = options.stdin ?? '';
  const context: CommandContext = {
    stdin: typeof stdin === 'string' ? Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]) : stdin,
    stdout: { write: (text) => (said.stdout += text), isTTY: false },
    stderr: { write: (text) => (said.stderr += text), isTTY: false },
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    now: () => Date.now(),
    randomBytes: (size) => randomBytes(size),
    fetch,
    onSignal: () => () => undefined,
    onSurprise: () => () => undefined,
    exitWith: (given) => (code = given),
  };
  await runProgram(args, '1.2.3', context);
  return { code, ...said };
}
