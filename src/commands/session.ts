import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import type { SessionView } from '../session/view.ts';
import { createAdminClient } from './admin-client.ts';
import type { AdminClient } from './admin-client.ts';
import { loadForCommand } from './configuration.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';

interface ListOptions {
  readonly config?: string;
  readonly user?: string;
  readonly json?: true;
}

interface RevokeOptions {
  readonly config?: string;
  readonly user?: string;
  readonly all?: true;
}

const fullId = /^[A-Za-z0-9_-]{43}$/;
const partOfId = /^[A-Za-z0-9_-]{4,43}$/;
/** As many characters of an id as the log shows. */
const shownId = 12;

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
    .action(action(context, (id: string | undefined, options: RevokeOptions) => revoke(context, id, options)));
}

async function list(context: CommandContext, options: ListOptions): Promise<ExitCode> {
  const client = clientFor(context, options.config);
  if (client === null) return 2;
  const sessions = await readSessions(client, options.user);
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ sessions }, null, 2)}\n`);
    return 0;
  }
  const latestFirst = sessions.toSorted((a, b) => b.lastSeenAt.localeCompare(a.lastSeenAt));
  if (latestFirst.length === 0) context.stderr.write('no live sessions\n');
  else context.stdout.write(writeTable(latestFirst));
  return 0;
}

async function revoke(context: CommandContext, id: string | undefined, options: RevokeOptions): Promise<ExitCode> {
  const named = [id, options.user, options.all].filter((value) => value !== undefined);
  if (named.length !== 1) throw usage('name one of: the ID of a session, --user NAME, --all');
  if (id !== undefined && !partOfId.test(id)) {
    throw usage('that is not an ID; write at least its first 4 characters, as `sallyport session list` prints it');
  }
  const client = clientFor(context, options.config);
  if (client === null) return 2;
  const ended = await readEnded(client, await pathToRevoke(client, id, options));
  if (ended === 0 && id !== undefined) throw new GatewayError('internal', 'no live session has that ID');
  context.stdout.write(`ended ${ended} session${ended === 1 ? '' : 's'}\n`);
  return 0;
}

function usage(message: string): GatewayError {
  return new GatewayError('usage-invalid', message);
}

/** Null when the configuration has faults, which then are told already. */
function clientFor(context: CommandContext, config: string | undefined): AdminClient | null {
  const loaded = loadForCommand(context, config);
  return loaded === null ? null : createAdminClient(loaded.config.admin.listen);
}

async function pathToRevoke(client: AdminClient, id: string | undefined, options: RevokeOptions): Promise<string> {
  if (options.all) return '/sessions?all=true';
  if (options.user !== undefined) return `/sessions${userQuery(options.user)}`;
  return `/sessions/${await completeId(client, id ?? '')}`;
}

function userQuery(user: string | undefined): string {
  if (user === undefined) return '';
  const name = canonicalUserName(user);
  if (name === null) throw usage('that is not a user name');
  return `?user=${encodeURIComponent(name)}`;
}

async function completeId(client: AdminClient, part: string): Promise<string> {
  if (fullId.test(part)) return part;
  const fitting = (await readSessions(client, undefined)).filter(({ id }) => id.startsWith(part));
  const [only] = fitting;
  if (only === undefined) throw new GatewayError('internal', `no live session has an ID that begins with ${part}`);
  if (fitting.length > 1) throw usage(`${fitting.length} sessions have IDs that begin with ${part}; write more of it`);
  return only.id;
}

async function readSessions(client: AdminClient, user: string | undefined): Promise<readonly SessionView[]> {
  const body = await client.ask('GET', `/sessions${userQuery(user)}`);
  const sessions: unknown = typeof body === 'object' && body !== null && 'sessions' in body ? body.sessions : undefined;
  if (Array.isArray(sessions) && sessions.every(isSessionView)) return sessions;
  throw new GatewayError('admin-unreachable', 'the gateway answered with something else than sessions');
}

async function readEnded(client: AdminClient, path: string): Promise<number> {
  const body = await client.ask('DELETE', path);
  if (typeof body === 'object' && body !== null && 'ended' in body && typeof body.ended === 'number') return body.ended;
  throw new GatewayError('admin-unreachable', 'the gateway did not say what it ended');
}

function isSessionView(value: unknown): value is SessionView {
  if (typeof value !== 'object' || value === null) return false;
  const view: Partial<Record<string, unknown>> = { ...value };
  const texts = ['id', 'user', 'method', 'address', 'userAgent', 'createdAt', 'lastSeenAt', 'expiresAt'];
  return texts.every((key) => typeof view[key] === 'string') && typeof view['remembered'] === 'boolean';
}

function writeTable(sessions: readonly SessionView[]): string {
  const head = ['ID', 'USER', 'METHOD', 'ADDRESS', 'SIGNED IN', 'LAST SEEN', 'ENDS', 'BROWSER'];
  const rows = sessions.map((session) => [
    session.id.slice(0, shownId),
    session.user,
    session.method,
    session.address,
    writeTime(session.createdAt),
    writeTime(session.lastSeenAt),
    writeTime(session.expiresAt),
    session.userAgent.slice(0, 60),
  ]);
  const lines = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]?.length ?? 0), 0),
  );
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function writeTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):.*$/, '$1 $2Z');
}

/** A visitor chose the browser's name: no control characters of it reach the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
