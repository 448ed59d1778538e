import { GatewayError } from '../../../errors.ts';
import { AndFilter, EqualityFilter, PresenceFilter, type Filter } from 'ldapts';
import { passwordAttributes, stateAttributes } from './account-state.ts';
import type { LdapConnection, LdapSearch } from './connection.ts';
import { ownName, readDn, isBelow } from './dn.ts';
import { idValue, textOf, textsOf } from './entry.ts';
import type { LdapEntry } from './messages.ts';
import type { LdapSettings } from './settings.ts';

export type Found =
  | { readonly kind: 'found'; readonly entry: LdapEntry }
  | { readonly kind: 'nobody' }
  /** More than one entry, of which none may stand for the name. */
  | { readonly kind: 'several' };

export type FoundGroups =
  /** Names as the directory has them, sorted, none twice. */
  { readonly kind: 'groups'; readonly names: readonly string[] } | { readonly kind: 'too-many' };

/** Groups of one person at most: rules that deny a group must see them all. */
const maxGroups = 1_000;

/** Looks for people and their groups; which connection it asks by is the caller's business. */
export interface People {
  /** The entry of a user name. */
  readonly byName: (connection: LdapConnection, user: string) => Promise<Found>;
  /** The entry at a DN, if the user filter fits it. */
  readonly byDn: (connection: LdapConnection, dn: string, user: string) => Promise<Found>;
  /** The entry with this id, if the user filter still fits it; with null, whether it does or not. */
  readonly byId: (connection: LdapConnection, id: string, user: string | null) => Promise<Found>;
  readonly groupsOf: (connection: LdapConnection, entry: LdapEntry) => Promise<FoundGroups>;
}

/** @example createPeople(settleLdap(config)).byName(connection, 'alice') */
export function createPeople(settings: LdapSettings): People {
  const { attributes, people, userFilter, groups } = settings;
  const wanted = [
    ...new Set([
      ...Object.values(attributes),
      ...(groups.from === 'memberOf' ? ['memberOf'] : []),
      ...(settings.isActiveDirectory ? ['objectSid'] : []),
      ...stateAttributes,
      ...passwordAttributes,
    ]),
  ];
  const filterOf = (user: string): Filter =>
    userFilter === null ? new PresenceFilter({ attribute: 'objectClass' }) : userFilter({ user });

  const findOne = async (
    connection: LdapConnection,
    place: Pick<LdapSearch, 'base' | 'scope'>,
    filter: Filter,
  ): Promise<Found> => {
    const outcome = await connection.search({ ...place, filter, attributes: wanted, sizeLimit: 2 });
    if (outcome.kind === 'no-such-base') return place.scope === 'base' ? { kind: 'nobody' } : refuse(place.base);
    const [entry, other] = outcome.entries;
    if (other !== undefined || outcome.isCut) return { kind: 'several' };
    // The root of the tree has no name, and nobody is it: to bind as '' is to bind as nobody.
    return entry === undefined || entry.dn === '' ? { kind: 'nobody' } : { kind: 'found', entry };
  };

  const namesIn = ({ dn }: LdapEntry, nameAttribute: string): readonly string[] => {
    const own = readDn(dn)?.[0]?.find(({ type }) => type === nameAttribute.toLowerCase());
    return own === undefined ? [] : [own.value];
  };
  const inMemberOf = (entry: LdapEntry, base: string | null, nameAttribute: string): FoundGroups => {
    // Active Directory hands out long lists in pieces, as `memberOf;range=0-1499`.
    if ([...entry.attributes.keys()].some((name) => name.startsWith('memberof;'))) return { kind: 'too-many' };
    const names = textsOf(entry, 'memberOf')
      .filter((dn) => base === null || isBelow(dn, base))
      .flatMap((dn) => readDn(dn)?.[0]?.find(({ type }) => type === nameAttribute.toLowerCase())?.value ?? []);
    return settled(names);
  };

  return {
    byName: async (connection, user) =>
      people === null ? { kind: 'nobody' } : findOne(connection, people, filterOf(user)),
    byDn: (connection, dn, user) => findOne(connection, { base: dn, scope: 'base' }, filterOf(user)),
    byId: async (connection, id, user) => {
      if (people === null) return { kind: 'nobody' };
      const isId = new EqualityFilter({ attribute: attributes.id, value: idValue(id, attributes.id) });
      return findOne(connection, people, user === null ? isId : new AndFilter({ filters: [filterOf(user), isId] }));
    },
    groupsOf: async (connection, entry) => {
      if (groups.from === 'none') return { kind: 'groups', names: [] };
      const { nameAttribute, base } = groups;
      if (groups.from === 'memberOf') return inMemberOf(entry, base, nameAttribute);
      const user = textOf(entry, attributes.user) ?? ownName(entry.dn)?.value ?? '';
      const outcome = await connection.search({
        base: groups.base,
        scope: 'sub',
        filter: groups.filter({ dn: entry.dn, user }),
        attributes: [nameAttribute],
        sizeLimit: maxGroups + 1,
      });
      if (outcome.kind === 'no-such-base') return refuse(groups.base);
      if (outcome.isCut) return { kind: 'too-many' };
      return settled(
        outcome.entries.flatMap((group) => {
          const [own] = namesIn(group, nameAttribute);
          return own ?? textOf(group, nameAttribute) ?? [];
        }),
      );
    },
  };
}

/** A base that is not there would make everybody a stranger, or take all groups away: better nobody gets in. */
function refuse(base: string): never {
  throw new GatewayError('directory-refused', `could not search below ${base}: it is not there, or may not be read`);
}

function settled(names: readonly string[]): FoundGroups {
  if (names.length > maxGroups) return { kind: 'too-many' };
  return { kind: 'groups', names: [...new Set(names)].toSorted() };
}
