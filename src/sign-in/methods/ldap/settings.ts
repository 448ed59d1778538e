import type { LdapConfig } from './config.ts';
import { domainOf } from './login-name.ts';
import { readFilterTemplate, type FilterValues } from './filter-template.ts';
import { GatewayError } from '../../../errors.ts';
import type { Filter } from 'ldapts';

type Fill = (values: FilterValues) => Filter;

/** A configuration with the defaults of its preset filled in and its filters read. */
export interface LdapSettings {
  readonly id: string;
  readonly isActiveDirectory: boolean;
  readonly attributes: { readonly user: string; readonly name: string; readonly email: string; readonly id: string };
  readonly userPrefix: string;
  /** Null: a person is found by `userDn` alone. */
  readonly people: { readonly base: string; readonly scope: 'one' | 'sub' } | null;
  /** Filter for `{user}`; null: none was named, and `userDn` is a DN. */
  readonly userFilter: Fill | null;
  /** Name to bind as at once; null: the person is searched first. */
  readonly userDn: string | null;
  /** Somebody can ask about a person when the person is not there. */
  readonly canRefresh: boolean;
  readonly groups:
    | { readonly from: 'none' }
    | { readonly from: 'memberOf'; readonly base: string | null; readonly nameAttribute: string }
    | { readonly from: 'search'; readonly base: string; readonly filter: Fill; readonly nameAttribute: string };
  readonly refreshMs: number;
}

const presetAttributes = {
  openldap: { user: 'uid', name: 'cn', id: 'entryUUID' },
  activeDirectory: { user: 'sAMAccountName', name: 'displayName', id: 'objectGUID' },
} as const;

const groupFilter = '(|(member={dn})(uniqueMember={dn})(memberUid={user}))';
/** LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS §3.1.1.3.4.4.3): follows groups in groups. */
const nestedGroupFilter = '(member:1.2.840.113556.1.4.1941:={dn})';

/** Works out what a configuration means. Throws `config-invalid` for what the configuration's own checks refuse. */
export function settleLdap(config: LdapConfig): LdapSettings {
  const { userDn, userBase } = config;
  const isFoundByDn = userDn !== undefined && !userDn.startsWith('{user}@') && userBase === undefined;
  const userFilter = config.userFilter ?? (isFoundByDn ? null : defaultFilter(config));
  return {
    id: config.id,
    isActiveDirectory: config.preset === 'activeDirectory',
    attributes: {
      ...presetAttributes[config.preset],
      ...dropUndefined(config.attributes),
      email: config.attributes.email,
    },
    userPrefix: config.userPrefix,
    people: userBase === undefined ? null : { base: userBase, scope: config.scope },
    userFilter: userFilter === null ? null : compile(userFilter, ['user']),
    userDn: userDn ?? null,
    canRefresh: userDn === undefined || config.bindDn !== undefined,
    groups: settleGroups(config.groups),
    refreshMs: config.refresh,
  };
}

function defaultFilter({ preset, userDn }: LdapConfig): string {
  const domain = userDn === undefined ? null : domainOf(userDn);
  if (preset === 'openldap') return '(uid={user})';
  // By the same names that Active Directory would take for a bind.
  const principal = domain === null ? '{user}' : `{user}@${domain}`;
  return `(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={user})(userPrincipalName=${principal})))`;
}

function settleGroups({ from, base, filter, nameAttribute }: LdapConfig['groups']): LdapSettings['groups'] {
  const source = from ?? (base === undefined ? 'memberOf' : 'search');
  if (source === 'none') return { from: 'none' };
  if (source === 'memberOf' || base === undefined) return { from: 'memberOf', base: base ?? null, nameAttribute };
  const text = source === 'nested' ? nestedGroupFilter : (filter ?? groupFilter);
  return { from: 'search', base, filter: compile(text, ['dn', 'user']), nameAttribute };
}

function compile(text: string, names: readonly string[]): Fill {
  const read = readFilterTemplate(text, names);
  if (read.kind === 'template') return read.fill;
  throw new GatewayError('config-invalid', `could not read the filter ${text}: it ${read.message}`);
}

function dropUndefined({ user, name, id }: LdapConfig['attributes']): Partial<Record<'user' | 'name' | 'id', string>> {
  return {
    ...(user === undefined ? {} : { user }),
    ...(name === undefined ? {} : { name }),
    ...(id === undefined ? {} : { id }),
  };
}
