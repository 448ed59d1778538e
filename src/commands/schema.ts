import type { Command } from 'commander';
import { describeAsJsonSchema, describeAsMarkdown } from '../config/describe.ts';
import type { CommandContext } from './context.ts';
import { action } from './context.ts';

/** `sallyport schema`: the JSON Schema of the configuration; `--markdown` is how the reference page is made. */
export function registerSchemaCommand(program: Command, context: CommandContext): void {
  program
    .command('schema')
    .summary('print the JSON Schema of the configuration, for editors')
    .description(
      'Prints the JSON Schema of the configuration. Save it beside the file and put this on its first line:\n' +
        '# yaml-language-server: $schema=sallyport.schema.json',
    )
    .option('--markdown', 'print the reference page of the documentation instead')
    .action(
      action(context, ({ markdown }: { readonly markdown?: true }) => {
        context.stdout.write(markdown ? describeAsMarkdown() : `${JSON.stringify(describeAsJsonSchema(), null, 2)}\n`);
        return 0;
      }),
    );
}
