import type { Identity } from '../../../identity/identity.ts';
import type { Runtime } from '../../../runtime.ts';
import { closedBecause } from './account-state.ts';
import type { LdapClient } from './client.ts';
import type { LdapConnection } from './connection.ts';
import { textOf } from './entry.ts';
import { dnOfSubject, identityOf, isDnSubject } from './identity.ts';
import { bindName } from './login-name.ts';
import { createPeople, type Found } from './people.ts';
import type { LdapSettings } from './settings.ts';

export interface LdapOwnerOptions {
  readonly settings: LdapSettings;
  readonly client: Pick<LdapClient, 'asService'>;
  readonly runtime: Pick<Runtime, 'now'>;
}

/**
 * Asks the directory what somebody is now, of whom only the subject and the user name are known. Null: gone, closed, or the user
 * filter does not fit any more, by none of the names that a filter usually looks for.
 */
export function createLdapOwnerCheck({
  settings,
  client,
  runtime,
}: LdapOwnerOptions): (owner: Pick<Identity, 'user' | 'issuer' | 'subject'>) => Promise<Identity | null> {
  const people = createPeople(settings);
  const { attributes, userDn, userPrefix } = settings;

  const find = async (connection: LdapConnection, user: string, subject: string): Promise<Found> => {
    const login = user.slice(userPrefix.length);
    if (settings.people === null) return people.byDn(connection, bindName(userDn ?? '', login), login);
    if (isDnSubject(subject)) return people.byDn(connection, dnOfSubject(subject), login);
    const found = await people.byId(connection, subject, login);
    if (found.kind !== 'nobody') return found;
    // Renamed since, or found by another name: the filter is tried with those that the entry has now.
    const anyhow = await people.byId(connection, subject, null);
    if (anyhow.kind !== 'found') return anyhow;
    for (const attribute of [attributes.user, attributes.email]) {
      const name = textOf(anyhow.entry, attribute);
      const fitting: Found = name === undefined ? { kind: 'nobody' } : await people.byId(connection, subject, name);
      if (fitting.kind === 'found') return fitting;
    }
    return { kind: 'nobody' };
  };

  return ({ user, subject }) =>
    client.asService(async (connection) => {
      const found = await find(connection, user, subject);
      if (found.kind !== 'found' || closedBecause(found.entry, runtime.now()) !== null) return null;
      const groups = await people.groupsOf(connection, found.entry);
      if (groups.kind === 'too-many') return null;
      const made = identityOf(found.entry, groups.names, settings);
      // A new user name is taken on at the next sign-in.
      return made?.identity.subject === subject ? { ...made.identity, user } : null;
    });
}
