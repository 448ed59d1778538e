import { clientCertificateMethod } from '../authentication/client-certificate/client-certificate.ts';
import { bearerMethod } from '../authentication/token-identity.ts';
import { trustedHeaderMethod } from '../authentication/trusted-header/trusted-header.ts';
import type { Authenticated } from '../authentication/authenticator.ts';
import type { Config } from '../config/schema.ts';
import { GatewayError } from '../errors.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { readUsersFile } from '../users/users-file.ts';
import { writeFaults } from './configuration.ts';
import type { CommandContext } from './context.ts';

/** Who `sallyport explain` shall take the visitor for. */
export interface VisitorOptions {
  readonly user?: string;
  /** Of somebody whom a directory or a provider vouches for: nobody is asked about them. */
  readonly method?: string;
  readonly group?: readonly string[];
  readonly email?: string;
  readonly secondFactor?: true;
}

/**
 * The visitor of the options. Null: nobody is signed in. `faulty`: the users file has faults, which have been written. Throws
 * `usage-invalid` for options that describe nobody.
 */
export async function findVisitor(
  context: CommandContext,
  config: Config,
  options: VisitorOptions,
): Promise<Authenticated | null | 'faulty'> {
  const { user, secondFactor } = options;
  if (user === undefined) {
    for (const [name, value] of Object.entries({ method: options.method, group: options.group, email: options.email }))
      if (value !== undefined) throw new GatewayError('usage-invalid', `found --${name} without --user NAME`);
    if (secondFactor) throw new GatewayError('usage-invalid', 'found --second-factor without --user NAME');
    return null;
  }
  const identity =
    options.method === undefined
      ? await localIdentity(context, config, options, user)
      : describedIdentity(options, user);
  if (identity === 'faulty') return 'faulty';
  const isSessionless = sessionless.has(identity.method);
  return {
    kind: 'authenticated',
    identity,
    session: null,
    consumesAuthorization: false,
    secondFactor: secondFactor === true && !isSessionless,
    authenticatedAtMs: isSessionless ? 0 : context.now(),
  };
}

/** Methods that say of nobody when, or with what, they proved who they are: no rule about that is met. */
const sessionless: ReadonlySet<string> = new Set([bearerMethod, trustedHeaderMethod, clientCertificateMethod]);

async function localIdentity(
  context: CommandContext,
  config: Config,
  { group, email }: VisitorOptions,
  user: string,
): Promise<Identity | 'faulty'> {
  const file = config.signIn.local?.users;
  if (file === undefined)
    throw new GatewayError(
      'usage-invalid',
      'found --user NAME, but the configuration has no local users (signIn.local); describe somebody else by --method and --group',
    );
  if (group !== undefined || email !== undefined)
    throw new GatewayError(
      'usage-invalid',
      'found --group or --email without --method: what a local user has stands in the file',
    );
  const { users, faults } = await readUsersFile(file);
  writeFaults(context, faults);
  if (faults.length > 0) return 'faulty';
  const record = users.find((entry) => entry.user === canonicalUserName(user));
  if (record === undefined) throw new GatewayError('usage-invalid', `found no user "${user}" in ${file}`);
  if (record.disabled)
    throw new GatewayError('usage-invalid', `found "${user}" disabled, so nobody signs in by that name`);
  const { name, groups } = record;
  return {
    user: record.user,
    name,
    email: record.email,
    groups,
    claims: {},
    method: 'local',
    issuer: localIssuer,
    subject: record.user,
  };
}

function describedIdentity({ method = '', group = [], email = '' }: VisitorOptions, user: string): Identity {
  const canonical = canonicalUserName(user);
  if (canonical === null) throw new GatewayError('usage-invalid', `could not read "${user}" as a user name`);
  return { user: canonical, name: '', email, groups: group, claims: {}, method, issuer: method, subject: canonical };
}
