import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import type { SessionView } from '../session/view.ts';
import type { AdminClient } from './admin-client.ts';
import { action, type CommandContext, type ExitCode } from './context.ts';
import { clientFor, revoke, shownId, userQuery, type Revocable, type RevokeOptions } from './revocation.ts';
import { writeTable, writeTime } from './text-table.ts';

interface ListOptions {
  readonly config?: string;
  readonly user?: string;
  readonly json?: true;
}

const sessions: Revocable = {
  what: 'session',
  path: '/sessions',
  list: 'sallyport session list',
  ids: async (client) => (await readSessions(client, undefined)).map(({ id }) => id),
};

/** `sallyport session list|revoke`: the live sessions of a running gateway, asked of its admin listener. */
export function registerSessionCommand(program: Command, context: CommandContext): void {
  const session = program
    .command('session')
    .summary('list and end live sessions')
    .description('Lists and ends the sessions of a running gateway, which is asked through its admin listener.');
  const config = ['-c, --config <file>', 'the configuration that the gateway runs with'] as const;
  session
    .command('list')
    .summary('list live sessions')
    .description('Prints a line a live session, the one that was used last first.')
    .option(...config)
    .option('--user <name>', 'only those of this user')
    .option('--json', 'print JSON')
    .action(action(context, (options: ListOptions) => list(context, options)));
  session
    .command('revoke')
    .summary('end live sessions')
    .description(
      'Ends one session, all sessions of a user, or all. It takes effect at the next request, and closes WebSockets\n' +
        'within a second. The beginning of an ID is enough while it is unique; one that starts with - goes after --.',
    )
    .argument('[id]', 'ID of the session, as `session list` prints it')
    .option(...config)
    .option('--user <name>', 'end all sessions of this user')
    .option('--all', 'end all sessions of everybody')
    .action(
      action(context, async (id: string | undefined, options: RevokeOptions): Promise<ExitCode> => {
        const ended = await revoke(context, sessions, id, options);
        if (ended === null) return 2;
        context.stdout.write(`ended ${ended} session${ended === 1 ? '' : 's'}\n`);
        return 0;
      }),
    );
}

async function list(context: CommandContext, options: ListOptions): Promise<ExitCode> {
  const client = clientFor(context, options.config);
  if (client === null) return 2;
  const found = await readSessions(client, options.user);
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ sessions: found }, null, 2)}\n`);
    return 0;
  }
  const latestFirst = found.toSorted((a, b) => b.lastSeenAt.localeCompare(a.lastSeenAt));
  if (latestFirst.length === 0) context.stderr.write('no live sessions\n');
  else context.stdout.write(tableOf(latestFirst));
  return 0;
}

async function readSessions(client: AdminClient, user: string | undefined): Promise<readonly SessionView[]> {
  const body = await client.ask('GET', `/sessions${userQuery(user)}`);
  const found: unknown = typeof body === 'object' && body !== null && 'sessions' in body ? body.sessions : undefined;
  if (Array.isArray(found) && found.every(isSessionView)) return found;
  throw new GatewayError('admin-unreachable', 'the gateway answered with something else than sessions');
}

function isSessionView(value: unknown): value is SessionView {
  if (typeof value !== 'object' || value === null) return false;
  const view: Partial<Record<string, unknown>> = { ...value };
  const texts = ['id', 'user', 'method', 'address', 'userAgent', 'createdAt', 'lastSeenAt', 'expiresAt'];
  return texts.every((key) => typeof view[key] === 'string') && typeof view['remembered'] === 'boolean';
}

function tableOf(found: readonly SessionView[]): string {
  return writeTable(
    ['ID', 'USER', 'METHOD', 'ADDRESS', 'SIGNED IN', 'LAST SEEN', 'ENDS', 'BROWSER'],
    found.map((session) => [
      session.id.slice(0, shownId),
      session.user,
      session.method,
      session.address,
      writeTime(session.createdAt),
      writeTime(session.lastSeenAt),
      writeTime(session.expiresAt),
      session.userAgent.slice(0, 60),
    ]),
  );
}
