import { createHash } from 'node:crypto';
import type { Renewal, SessionRenewer } from '../../../authentication/session-renewal.ts';
import { GatewayError } from '../../../errors.ts';
import type { Runtime } from '../../../runtime.ts';
import { closedBecause, passwordMark } from './account-state.ts';
import type { LdapClient } from './client.ts';
import { identityOf, isDnSubject } from './identity.ts';
import type { LdapEntry } from './messages.ts';
import { createPeople } from './people.ts';
import type { LdapSettings } from './settings.ts';

/** What the method keeps in a session. */
export interface LdapNotes {
  /** The name that the person was found by. */
  readonly login: string;
  readonly dn: string;
}

export interface LdapRenewerOptions {
  readonly settings: LdapSettings;
  readonly client: Pick<LdapClient, 'asService'>;
  readonly runtime: Pick<Runtime, 'now'>;
}

/** Longer asking would hold up the requests that wait for it. */
const deadlineMs = 20_000;

/**
 * Asks the directory about people who are signed in: whether they are still there, fit the user filter and have the password that
 * they signed in with, and what groups they have now. Asks by the searching account alone; nobody's password is needed.
 */
export function createLdapRenewer({ settings, client, runtime }: LdapRenewerOptions): SessionRenewer {
  const people = createPeople(settings);

  return (session, { data }) =>
    within(
      deadlineMs,
      client.asService(async (connection): Promise<Renewal> => {
        const notes = readNotes(data);
        if (notes === null) return ended('unreadable-notes');
        const { subject } = session.identity;
        const found =
          settings.people === null || isDnSubject(subject)
            ? await people.byDn(connection, notes.dn, notes.login)
            : await people.byId(connection, subject, notes.login);
        if (found.kind !== 'found') return ended(found.kind === 'nobody' ? 'entry-gone' : 'ambiguous-user');
        const closed = closedBecause(found.entry, runtime.now());
        if (closed !== null) return ended(closed);
        if (credentialOf(found.entry) !== session.credential) return ended('credential-changed');
        const groups = await people.groupsOf(connection, found.entry);
        if (groups.kind === 'too-many') return ended('too-many-groups');
        const made = identityOf(found.entry, groups.names, settings);
        if (made === null) return ended('entry-unusable');
        return {
          kind: 'changed',
          identity: made.identity,
          checkAtMs: runtime.now() + settings.refreshMs,
          data: writeNotes({ login: notes.login, dn: found.entry.dn }),
        };
      }),
    );
}

/** Fingerprint of when the password was last changed; empty where the directory does not tell. */
export function credentialOf(entry: LdapEntry): string {
  const mark = passwordMark(entry);
  return mark === ''
    ? ''
    : createHash('sha256').update(`sallyport ldap credential\0${mark}`).digest('base64url').slice(0, 22);
}

export function writeNotes(notes: LdapNotes): string {
  return JSON.stringify(notes);
}

function readNotes(text: string): LdapNotes | null {
  const notes: unknown = JSON.parse(text);
  if (typeof notes !== 'object' || notes === null || !('login' in notes) || !('dn' in notes)) return null;
  const { login, dn } = notes;
  return typeof login === 'string' && typeof dn === 'string' ? { login, dn } : null;
}

function ended(reason: string): Renewal {
  return { kind: 'ended', reason };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GatewayError('directory-unavailable', `could not ask the directory within ${ms} ms`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
