import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import type { KeyView } from '../identity/key-record.ts';
import { createAdminClient } from './admin-client.ts';
import { loadForCommand } from './configuration.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';

interface KeyOptions {
  readonly config?: string;
  readonly json?: true;
}

/** `sallyport key list|rotate`: the signing keys of a running gateway, asked of its admin listener. */
export function registerKeyCommand(program: Command, context: CommandContext): void {
  const key = program
    .command('key')
    .summary('list and rotate the keys that sign assertions')
    .description(
      'Lists and rotates the keys that sign assertions, by asking a running gateway through its admin listener.\n' +
        'A key is made when the first assertion is signed with its algorithm.',
    );
  const config = ['-c, --config <file>', 'the configuration that the gateway runs with'] as const;
  key
    .command('list')
    .summary('list the keys')
    .description('Prints a line a key: those that sign now, and retired ones that apps may still need.')
    .option(...config)
    .option('--json', 'print JSON')
    .action(action(context, (options: KeyOptions) => run(context, options, 'GET', '/keys')));
  key
    .command('rotate')
    .summary('sign with new keys from now on')
    .description(
      'Puts a new key in the place of each one that signs now, and prints the new ones. The old private keys are\n' +
        'forgotten; the old public keys stay at /_auth/jwks.json for two hours, longer than any assertion lives.',
    )
    .option(...config)
    .option('--json', 'print JSON')
    .action(action(context, (options: KeyOptions) => run(context, options, 'POST', '/keys/rotate')));
}

async function run(
  context: CommandContext,
  options: KeyOptions,
  method: 'GET' | 'POST',
  path: string,
): Promise<ExitCode> {
  const loaded = loadForCommand(context, options.config);
  if (loaded === null) return 2;
  const keys = readKeys(await createAdminClient(loaded.config.admin.listen).ask(method, path));
  if (options.json) context.stdout.write(`${JSON.stringify({ keys }, null, 2)}\n`);
  else if (keys.length === 0) context.stderr.write('no keys yet: one is made when the first assertion is signed\n');
  else for (const line of tableOf(keys)) context.stdout.write(`${line}\n`);
  return 0;
}

function readKeys(body: unknown): readonly KeyView[] {
  const keys: unknown = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (Array.isArray(keys) && keys.every(isKeyView)) return keys;
  throw new GatewayError('admin-unreachable', 'the gateway answered with something else than keys');
}

function isKeyView(value: unknown): value is KeyView {
  if (typeof value !== 'object' || value === null) return false;
  const view: Partial<Record<string, unknown>> = { ...value };
  const until = view['publishedUntil'];
  return (
    ['kid', 'algorithm', 'createdAt'].every((name) => typeof view[name] === 'string') &&
    ['current', 'next', 'retired'].some((state) => state === view['state']) &&
    (until === null || typeof until === 'string')
  );
}

function tableOf(keys: readonly KeyView[]): readonly string[] {
  const row = (...cells: readonly [string, string, string, string]): string =>
    `${cells[0].padEnd(43)}  ${cells[1].padEnd(9)}  ${cells[2].padEnd(20)}  ${cells[3]}`;
  const time = (iso: string): string => iso.replace(/\.\d+Z$/, 'Z');
  return [
    row('KID', 'ALGORITHM', 'CREATED', 'STATE'),
    ...keys.map(({ kid, algorithm, createdAt, state, publishedUntil }) =>
      row(
        kid,
        algorithm,
        time(createdAt),
        publishedUntil === null ? state : `${state}, published until ${time(publishedUntil)}`,
      ),
    ),
  ];
}
