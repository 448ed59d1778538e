import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { redactConfig } from '../config/redact.ts';
import { checkUsersFile } from '../users/users-file.ts';
import { lineOf, loadForCommand, nearName, writeFaults } from './configuration.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';

interface CheckOptions {
  readonly config?: string;
  readonly print?: true;
}

/** `sallyport check`: reads the configuration and everything it names, starts nothing. */
export function registerCheckCommand(program: Command, context: CommandContext): void {
  program
    .command('check')
    .summary('read the configuration and everything it names')
    .description(
      'Reads the configuration and everything it names, and starts nothing. One line a fault:\n' +
        'FILE:LINE:COLUMN: path.to.key: what is wrong and what to write instead\n' +
        'Exit code 0 when all is well, 2 when something is wrong.',
    )
    .option(
      '-c, --config <file>',
      'the configuration (default: $SALLYPORT_CONFIG, ./config/sallyport.yaml, /etc/sallyport)',
    )
    .option('--print', 'print what is in force, with every default and without secrets')
    .action(action(context, (options: CheckOptions) => check(context, options)));
}

async function check(context: CommandContext, options: CheckOptions): Promise<ExitCode> {
  const loaded = loadForCommand(context, options.config);
  if (!loaded) return 2;
  for (const warning of loaded.warnings) context.stderr.write(`warning: ${lineOf(context, warning)}\n`);
  const { local } = loaded.config.signIn;
  // Made at the first start, so its absence is fine.
  const faults = local !== null && existsSync(local.users) ? await checkUsersFile(local.users) : [];
  writeFaults(context, faults);
  if (faults.length > 0) return 2;
  if (options.print) context.stdout.write(`${JSON.stringify(redactConfig(loaded.config), null, 2)}\n`);
  else
    context.stdout.write(`${nearName(context, loaded.file)}: fine, ${countOf(loaded.config.routes.length, 'route')}\n`);
  return 0;
}

function countOf(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
