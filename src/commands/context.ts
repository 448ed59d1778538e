import { GatewayError } from '../errors.ts';

/** 0 fine · 1 failed while running · 2 wrong usage or configuration. */
export type ExitCode = 0 | 1 | 2;

/** Where a command writes: standard output, standard error, or a test's own. */
export interface Output {
  readonly write: (text: string) => void;
  /** A person is reading at a terminal. */
  readonly isTTY: boolean;
}

/** Where a command reads: standard input, or a test's own stream. */
export type Input = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  /** Only at a terminal: takes the keys one by one, without echo. */
  readonly setRawMode?: (mode: boolean) => unknown;
};

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

/** The process as commands see it; `cli.ts` makes the real one, tests their own. */
export interface CommandContext {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working directory. */
  readonly cwd: string;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** Cryptographically strong bytes. */
  readonly randomBytes: (size: number) => Buffer;
  readonly fetch: typeof globalThis.fetch;
  /** Calls `listener` at each such signal instead of ending the process. Returns the function that ends the subscription. */
  readonly onSignal: (signal: StopSignal, listener: () => void) => () => void;
  /** Hears of exceptions and rejections that nobody caught. Returns the function that ends the subscription. */
  readonly onSurprise: (listener: (error: unknown) => void) => () => void;
  /** Keeps the exit code for the end of the process; called by `action`, not by commands. */
  readonly exitWith: (code: ExitCode) => void;
}

/**
 * Makes a commander action of a handler that returns its exit code. A GatewayError becomes one line on standard error and
 * exit code 2 when usage or configuration is at fault, else 1; anything else is thrown on to `cli.ts`.
 *
 * @example program.command('check').action(action(context, (options: CheckOptions) => check(context, options)))
 */
export function action<Arguments extends unknown[]>(
  context: CommandContext,
  handler: (...args: Arguments) => ExitCode | Promise<ExitCode>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    try {
      context.exitWith(await handler(...args));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      context.stderr.write(`sallyport: ${error.message}\n`);
      context.exitWith(error.code === 'usage-invalid' || error.code === 'config-invalid' ? 2 : 1);
    }
  };
}
