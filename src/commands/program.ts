import { Command, CommanderError } from 'commander';
import { registerCheckCommand } from './check.ts';
import type { CommandContext } from './context.ts';
import { registerExplainCommand } from './explain.ts';
import { registerHashPasswordCommand } from './hash-password.ts';
import { registerInitCommand } from './init.ts';
import { registerKeyCommand } from './key.ts';
import { registerSchemaCommand } from './schema.ts';
import { registerUserCommand } from './user.ts';
import { registerTokenCommand } from './token.ts';
import { registerSessionCommand } from './session.ts';
import { registerStartCommand } from './start.ts';

/**
 * Runs one command line (without `node` and the script's name) and resolves when it is over; the exit code has gone to
 * `context.exitWith`. Rejects only with what no command expected.
 */
export async function runProgram(args: readonly string[], version: string, context: CommandContext): Promise<void> {
  const program = new Command('sallyport')
    .description('An authentication gateway: a sign-in in front of any web app, without touching the app.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print how it is used')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'sallyport: ')),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .addHelpText('after', '\nExit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration.')
    .exitOverride();
  for (const register of [
    registerStartCommand,
    registerInitCommand,
    registerCheckCommand,
    registerExplainCommand,
    registerSchemaCommand,
    registerHashPasswordCommand,
    registerUserCommand,
    registerSessionCommand,
    registerTokenCommand,
    registerKeyCommand,
  ])
    register(program, context);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const asked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    context.exitWith(asked ? 0 : 2);
  }
}
