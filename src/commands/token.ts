import type { Command } from 'commander';
import type { AccessTokenView } from '../access-token/view.ts';
import { GatewayError } from '../errors.ts';
import type { AdminClient } from './admin-client.ts';
import { action, type CommandContext, type ExitCode } from './context.ts';
import { clientFor, revoke, shownId, userQuery, type Revocable, type RevokeOptions } from './revocation.ts';
import { writeTable, writeTime } from './text-table.ts';

interface ListOptions {
  readonly config?: string;
  readonly user?: string;
  readonly json?: true;
}

const tokens: Revocable = {
  what: 'access token',
  path: '/tokens',
  list: 'sallyport token list',
  ids: async (client) => (await readTokens(client, undefined)).map(({ id }) => id),
};

/** `sallyport token list|revoke`: the personal access tokens of a running gateway, asked of its admin listener. */
export function registerTokenCommand(program: Command, context: CommandContext): void {
  const token = program
    .command('token')
    .summary('list and revoke personal access tokens')
    .description(
      'Lists and revokes the access tokens that people made for their programs (at /_auth/account/tokens),\n' +
        'by asking a running gateway through its admin listener.',
    );
  const config = ['-c, --config <file>', 'the configuration that the gateway runs with'] as const;
  token
    .command('list')
    .summary('list access tokens')
    .description('Prints a line a token, the newest first. Nothing that it prints opens anything.')
    .option(...config)
    .option('--user <name>', 'only those of this user')
    .option('--json', 'print JSON')
    .action(action(context, (options: ListOptions) => list(context, options)));
  token
    .command('revoke')
    .summary('revoke access tokens')
    .description(
      'Revokes one token, all tokens of a user, or all. It takes effect at the next request, and closes\n' +
        'WebSockets that the token opened. The beginning of an ID is enough while it is unique; one that\n' +
        'starts with - goes after --.',
    )
    .argument('[id]', 'ID of the token, as `token list` prints it')
    .option(...config)
    .option('--user <name>', 'revoke all tokens of this user')
    .option('--all', 'revoke all tokens of everybody')
    .action(
      action(context, async (id: string | undefined, options: RevokeOptions): Promise<ExitCode> => {
        const ended = await revoke(context, tokens, id, options);
        if (ended === null) return 2;
        context.stdout.write(`revoked ${ended} access token${ended === 1 ? '' : 's'}\n`);
        return 0;
      }),
    );
}

async function list(context: CommandContext, options: ListOptions): Promise<ExitCode> {
  const client = clientFor(context, options.config);
  if (client === null) return 2;
  const found = await readTokens(client, options.user);
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ tokens: found }, null, 2)}\n`);
    return 0;
  }
  const newestFirst = found.toSorted((one, other) => other.createdAt.localeCompare(one.createdAt));
  if (newestFirst.length === 0) context.stderr.write('no access tokens\n');
  else context.stdout.write(tableOf(newestFirst));
  return 0;
}

function tableOf(found: readonly AccessTokenView[]): string {
  return writeTable(
    ['ID', 'USER', 'NAME', 'MADE', 'ENDS', 'LAST USED', 'FROM', 'ROUTES', 'METHODS'],
    found.map((token) => [
      token.id.slice(0, shownId),
      token.user,
      token.name,
      writeTime(token.createdAt),
      writeTime(token.expiresAt),
      token.lastUsedAt === null ? 'never' : writeTime(token.lastUsedAt),
      token.lastUsedFrom ?? '-',
      token.routes?.join(',') ?? 'all',
      token.methods?.join(',') ?? 'all',
    ]),
  );
}

async function readTokens(client: AdminClient, user: string | undefined): Promise<readonly AccessTokenView[]> {
  const body = await client.ask('GET', `/tokens${userQuery(user)}`);
  const found: unknown = typeof body === 'object' && body !== null && 'tokens' in body ? body.tokens : undefined;
  if (Array.isArray(found) && found.every(isTokenView)) return found;
  throw new GatewayError('admin-unreachable', 'the gateway answered with something else than access tokens');
}

function isTokenView(value: unknown): value is AccessTokenView {
  if (typeof value !== 'object' || value === null) return false;
  const view: Partial<Record<string, unknown>> = { ...value };
  const isTexts = (list: unknown): boolean =>
    list === null || (Array.isArray(list) && list.every((item) => typeof item === 'string'));
  const isText = (text: unknown): boolean => text === null || typeof text === 'string';
  return (
    ['id', 'user', 'issuer', 'name', 'createdAt', 'expiresAt'].every((key) => typeof view[key] === 'string') &&
    isTexts(view['routes']) &&
    isTexts(view['methods']) &&
    isText(view['lastUsedAt']) &&
    isText(view['lastUsedFrom'])
  );
}
