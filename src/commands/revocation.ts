import { GatewayError } from '../errors.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { createAdminClient, type AdminClient } from './admin-client.ts';
import { loadForCommand } from './configuration.ts';
import type { CommandContext } from './context.ts';

/** What is to be ended: by the beginning of its ID, all of a user, or all. */
export interface RevokeOptions {
  readonly config?: string;
  readonly user?: string;
  readonly all?: true;
}

/** What is listed and ended in the same way: sessions and access tokens. */
export interface Revocable {
  /** `session`, for messages. */
  readonly what: string;
  /** `/sessions` at the admin listener. */
  readonly path: string;
  /** The command that prints IDs. */
  readonly list: string;
  /** IDs of all that live. */
  readonly ids: (client: AdminClient) => Promise<readonly string[]>;
}

const fullId = /^[A-Za-z0-9_-]{43}$/;
const partOfId = /^[A-Za-z0-9_-]{4,43}$/;
/** As many characters of an id as lists and the log show. */
export const shownId = 12;

/** Null when the configuration has faults, which then are told already. */
export function clientFor(context: CommandContext, config: string | undefined): AdminClient | null {
  const loaded = loadForCommand(context, config);
  return loaded === null ? null : createAdminClient(loaded.config.admin.listen);
}

/** Ends what the options name; null when the configuration has faults. Throws `usage-invalid` for what names nothing. */
export async function revoke(
  context: CommandContext,
  kind: Revocable,
  id: string | undefined,
  options: RevokeOptions,
): Promise<number | null> {
  const named = [id, options.user, options.all].filter((value) => value !== undefined);
  if (named.length !== 1) throw usage(`name one of: the ID of a ${kind.what}, --user NAME, --all`);
  if (id !== undefined && !partOfId.test(id))
    throw usage(`that is not an ID; write at least its first 4 characters, as \`${kind.list}\` prints it`);
  const client = clientFor(context, options.config);
  if (client === null) return null;
  const ended = await readEnded(client, await pathToRevoke(client, kind, id, options));
  if (ended === 0 && id !== undefined) throw new GatewayError('internal', `no live ${kind.what} has that ID`);
  return ended;
}

/** `?user=NAME` for the admin listener; nothing for everybody. */
export function userQuery(user: string | undefined): string {
  if (user === undefined) return '';
  const name = canonicalUserName(user);
  if (name === null) throw usage('that is not a user name');
  return `?user=${encodeURIComponent(name)}`;
}

function usage(message: string): GatewayError {
  return new GatewayError('usage-invalid', message);
}

async function pathToRevoke(
  client: AdminClient,
  kind: Revocable,
  id: string | undefined,
  options: RevokeOptions,
): Promise<string> {
  if (options.all) return `${kind.path}?all=true`;
  if (options.user !== undefined) return `${kind.path}${userQuery(options.user)}`;
  return `${kind.path}/${await completeId(client, kind, id ?? '')}`;
}

async function completeId(client: AdminClient, kind: Revocable, part: string): Promise<string> {
  if (fullId.test(part)) return part;
  const fitting = (await kind.ids(client)).filter((id) => id.startsWith(part));
  const [only] = fitting;
  if (only === undefined) throw new GatewayError('internal', `no live ${kind.what} has an ID that begins with ${part}`);
  if (fitting.length > 1)
    throw usage(`${fitting.length} ${kind.what}s have IDs that begin with ${part}; write more of it`);
  return only;
}

async function readEnded(client: AdminClient, path: string): Promise<number> {
  const body = await client.ask('DELETE', path);
  if (typeof body === 'object' && body !== null && 'ended' in body && typeof body.ended === 'number') return body.ended;
  throw new GatewayError('admin-unreachable', 'the gateway did not say what it ended');
}
