import { PresenceFilter } from 'ldapts';
import { GatewayError } from '../../../errors.ts';
import { canonicalUserName } from '../../../identity/user-name.ts';
import type { Runtime } from '../../../runtime.ts';
import type { PasswordVerdict, RefusalReason } from '../../method.ts';
import type { PretendingMethod } from '../local-first.ts';
import type { Reservation, Throttle } from '../../throttle.ts';
import { closedBecause, refusedBecause } from './account-state.ts';
import type { LdapClient } from './client.ts';
import type { LdapConnection } from './connection.ts';
import { identityOf, userOf } from './identity.ts';
import { bindName, domainOf, loginOf } from './login-name.ts';
import type { LdapEntry, LdapResult } from './messages.ts';
import { createPeople, type Found } from './people.ts';
import { credentialOf, writeNotes } from './renewal.ts';
import type { LdapSettings } from './settings.ts';

export interface LdapMethodOptions {
  readonly settings: LdapSettings;
  readonly client: LdapClient;
  /** Counts tries at the account that a name turns out to mean, besides those at the name as typed. */
  readonly throttle: Throttle;
  readonly runtime: Runtime;
}

/**
 * People of a directory. The directory sees the password in exactly one bind a try, never an empty one, and never for more than
 * one entry. `verify` rejects with `directory-unavailable` when no server answers and with `directory-refused` when the
 * directory can't be used as configured.
 */
export function createLdapMethod({ settings, client, throttle, runtime }: LdapMethodOptions): PretendingMethod {
  const { id, userDn } = settings;
  const { now, log, randomBytes } = runtime;
  const people = createPeople(settings);

  /** No entry has this name, so a bind as it harms nobody. */
  const nobody = (): string => {
    const name = `nobody-${randomBytes(12).toString('hex')}`;
    return userDn === null ? `cn=${name},${settings.people?.base ?? ''}` : bindName(userDn, name);
  };
  const bindOnce = (name: string, password: string): Promise<LdapResult> =>
    client.unbound((connection) => connection.bind(name, password));
  /** What the bind says of the password; null: it is right. */
  const judgeBind = (result: LdapResult): RefusalReason | null => {
    const reason = refusedBecause(result);
    if (reason !== 'broken') return reason;
    throw new GatewayError(
      result.code === 51 || result.code === 52 ? 'directory-unavailable' : 'directory-refused',
      `could not check a password at the directory: code ${result.code} (${result.diagnostic})`,
    );
  };

  /** What costs a known name a bind costs any other one, and a directory that judges nobody is told of to both. */
  const bindAsNobody = async (): Promise<void> => {
    judgeBind(await bindOnce(nobody(), randomBytes(12).toString('hex')));
  };

  const welcome = async (entry: LdapEntry, login: string, read: LdapClient['asService']): Promise<PasswordVerdict> => {
    const closed = closedBecause(entry, now());
    if (closed !== null) return refused(closed);
    const groups = await read((connection) => people.groupsOf(connection, entry));
    if (groups.kind === 'too-many') return refused('too-many-groups');
    const made = identityOf(entry, groups.names, settings);
    if (made === null) return refused('unknown-user');
    const { identity, leftOut } = made;
    if (leftOut.length > 0) log.warn('ldap.groups-left-out', { user: identity.user, groups: leftOut.slice(0, 10) });
    const verified = { kind: 'verified', identity, credential: credentialOf(entry), amr: ['pwd'] } as const;
    if (!settings.canRefresh) return verified;
    const checkAtMs = now() + settings.refreshMs;
    const data = writeNotes({ login, dn: entry.dn });
    return { ...verified, provider: { id, checkAtMs, failingSinceMs: null, data, accessToken: null } };
  };

  const refused = (reason: RefusalReason): PasswordVerdict => ({ kind: 'refused', reason, method: id });

  /** Runs a try under a second count when the name means an account of another name. */
  const counted = async (
    typed: string,
    account: string | null,
    run: () => Promise<PasswordVerdict>,
  ): Promise<PasswordVerdict> => {
    if (account === null || account === typed) return run();
    const reservation: Reservation = await throttle.reserve({ user: account, address: null });
    if (reservation.kind === 'throttled') {
      await bindAsNobody();
      return refused('throttled');
    }
    let verdict: PasswordVerdict;
    try {
      verdict = await run();
    } catch (error) {
      await reservation.settle('abandoned');
      throw error;
    }
    await reservation.settle(verdict.kind === 'verified' ? 'right' : 'wrong');
    return verdict;
  };

  const searchThenBind = async (user: string, login: string, password: string): Promise<PasswordVerdict> => {
    const found = await client.asService((connection) => people.byName(connection, login));
    const account = found.kind === 'found' ? userOf(found.entry, settings) : null;
    if (found.kind !== 'found' || account === null) {
      if (found.kind === 'found') log.warn('ldap.entry-unusable', { dn: found.entry.dn });
      await bindAsNobody();
      return refused(found.kind === 'several' ? 'ambiguous-user' : 'unknown-user');
    }
    return counted(user, account, async () => {
      const reason = judgeBind(await bindOnce(found.entry.dn, password));
      return reason === null ? welcome(found.entry, login, client.asService) : refused(reason);
    });
  };

  const bindThenRead = (user: string, login: string, password: string, template: string): Promise<PasswordVerdict> =>
    counted(user, canonicalUserName(settings.userPrefix + login), async () => {
      const name = bindName(template, login);
      return client.unbound(async (connection) => {
        const reason = judgeBind(await connection.bind(name, password));
        if (reason !== null) return refused(reason);
        const dn = domainOf(template) === null ? name : await boundDn(connection, login);
        // As the searching account sees it, where there is one: what it can't read would be gone at the next refresh.
        const read: LdapClient['asService'] = (use) => (settings.canRefresh ? client.asService(use) : use(connection));
        const found: Found = dn === null ? { kind: 'nobody' } : await read((reader) => people.byDn(reader, dn, login));
        if (found.kind === 'found') return welcome(found.entry, login, read);
        log.warn('ldap.entry-unreadable', { name, found: found.kind });
        return refused(found.kind === 'several' ? 'ambiguous-user' : 'unknown-user');
      });
    });

  /**
   * Of Active Directory's `name@domain`, the DN of the entry that the connection is really bound as: the name may be one person's account
   * name and another's principal name. The root of the tree tells the bound account's SIDs (MS-ADTS §3.1.1.3.2.26).
   */
  const boundDn = async (connection: LdapConnection, login: string): Promise<string | null> => {
    const found = await people.byName(connection, login);
    if (found.kind !== 'found') return null;
    const root = await connection.search({
      base: '',
      scope: 'base',
      filter: new PresenceFilter({ attribute: 'objectClass' }),
      attributes: ['tokenGroups'],
      sizeLimit: 1,
    });
    const bound = root.kind === 'entries' ? (root.entries[0]?.attributes.get('tokengroups') ?? []) : [];
    const [sid] = found.entry.attributes.get('objectsid') ?? [];
    return sid !== undefined && bound.some((value) => value.equals(sid)) ? found.entry.dn : null;
  };

  return {
    kind: 'password',
    id,
    verify: async (user, password) => {
      // RFC 4513 §5.1.2: a bind without a password succeeds as nobody.
      if (password === '') return refused('wrong-password');
      const login = loginOf(user, settings);
      if (login === null) {
        await bindAsNobody();
        return refused('unknown-user');
      }
      return userDn === null ? searchThenBind(user, login, password) : bindThenRead(user, login, password, userDn);
    },
    pretend: async () => {
      try {
        if (userDn === null) {
          const login = randomBytes(12).toString('hex');
          await client.asService((connection) => people.byName(connection, login));
        }
        await bindAsNobody();
      } catch {
        // Whoever asks about this directory itself hears of it.
      }
    },
  };
}
