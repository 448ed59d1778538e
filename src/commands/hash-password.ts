import type { Command } from 'commander';
import type { Runtime } from '../runtime.ts';
import { createPasswordHasher } from '../users/password-hasher.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';
import { readNewPassword } from './password-input.ts';

/** `sallyport hash-password`: a password in, its argon2id hash out, for the users file. */
export function registerHashPasswordCommand(program: Command, context: CommandContext): void {
  program
    .command('hash-password')
    .summary('print the argon2id hash of a password')
    .description(
      'Reads a password, at a terminal without showing it, else from standard input, and prints its argon2id hash\n' +
        'for the users file.',
    )
    .action(action(context, () => hashPassword(context)));
}

async function hashPassword(context: CommandContext): Promise<ExitCode> {
  const password = await readNewPassword(context);
  const hasher = createPasswordHasher({ runtime: quietRuntime(context) });
  context.stdout.write(`${await hasher.hash(password)}\n`);
  return 0;
}

/** For commands that serve nobody and so keep no log: what they have to say goes to the terminal. */
export function quietRuntime({ now, randomBytes, fetch }: CommandContext): Runtime {
  const quiet = (): void => undefined;
  return { now, randomBytes, fetch, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } };
}
