import { z } from 'zod';
import { isLoopbackHost } from '../../../request/host.ts';
import { duration, integer } from '../../../quantities.ts';
import { providerId, userPrefixConfig } from '../../oidc/config.ts';
import { readDn } from './dn.ts';
import { readFilterTemplate } from './filter-template.ts';
import { readLdapUrl } from './url.ts';

const text = () => z.string().min(1);
const attributeName = () =>
  z
    .string()
    .regex(/^([A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+)$/, 'is not the name of an attribute; write uid, mail or the like');

function dn() {
  return z
    .string()
    .refine((value) => (readDn(value)?.length ?? 0) > 0, 'is not a DN; write ou=people,dc=example,dc=com');
}

function filter(...names: readonly string[]) {
  return z.string().superRefine((value, context) => {
    const read = readFilterTemplate(value, names);
    if (read.kind === 'problem') context.addIssue({ code: 'custom', message: `is not a filter: ${read.message}` });
    else if (names.length > 0 && !names.some((name) => value.includes(`{${name}}`)))
      context.addIssue({
        code: 'custom',
        message: `names nobody; put ${names.map((name) => `{${name}}`).join(' or ')} into it`,
      });
  });
}

const ldapUrl = () =>
  z
    .string()
    .refine(
      (value) => readLdapUrl(value) !== null,
      'is not an address; write ldaps://HOST or ldap://HOST:PORT, nothing behind it',
    );

/** A directory that people sign in with: LDAP, Active Directory. */
export const ldapConfig = z
  .strictObject({
    id: providerId
      .prefault('ldap')
      .describe(
        'Stands in rules (`methods`), sessions and logs. People belong to it: another id makes other people of them.',
      ),
    preset: z
      .enum(['openldap', 'activeDirectory'])
      .prefault('openldap')
      .describe(
        'Defaults that fit the directory: attributes, filters and groups. `openldap` also fits lldap, FreeIPA and 389 Directory Server.',
      ),
    url: z
      .union([ldapUrl().transform((url) => [url]), z.array(ldapUrl()).min(1).max(10)])
      .describe('`ldaps://HOST[:PORT]` or `ldap://HOST[:PORT]`; a list is tried in order.'),
    startTls: z
      .boolean()
      .prefault(false)
      .describe(
        'Upgrades `ldap://` connections to TLS before anything else is said. A server that refuses is not used.',
      ),
    tls: z
      .strictObject({
        ca: text()
          .optional()
          .describe('PEM file of the authorities that vouch for the servers; default: those of the system.'),
        serverName: text().optional().describe('Name that the certificate must bear; default: the host of the URL.'),
        insecureSkipTlsVerify: z
          .boolean()
          .prefault(false)
          .describe('Believes any certificate: whoever is on the way can read and change everything.'),
      })
      .prefault({})
      .describe('How TLS connections are checked.'),
    insecureNoTls: z
      .boolean()
      .prefault(false)
      .describe('Sends passwords in the clear to `ldap://` servers on other machines.'),
    bindDn: text()
      .optional()
      .describe(
        'Account that searches, with a right to read only: a DN, or `name@domain` at Active Directory. Left out: searches are anonymous, or by the person, with `userDn`.',
      ),
    bindPassword: text().optional().describe('Its password.'),
    userBase: dn().optional().describe('Where people are searched. Not needed where `userDn` is a DN.'),
    userFilter: filter('user')
      .optional()
      .describe(
        'Finds the one entry of a user name, which stands for `{user}`. Default: `(uid={user})`, at Active Directory the account name or the user principal name.',
      ),
    scope: z
      .enum(['sub', 'one'])
      .prefault('sub')
      .describe('`sub` searches everything below `userBase`, `one` only what is directly there.'),
    userDn: text()
      .refine((value) => value.includes('{user}'), 'names nobody; put {user} into it')
      .refine(
        (value) => /^\{user\}@[^{},=\s]+$/.test(value) || (readDn(value.replaceAll('{user}', 'x'))?.length ?? 0) > 1,
        'is neither a DN (uid={user},ou=people,dc=example,dc=com) nor {user}@domain',
      )
      .optional()
      .describe(
        'Binds as this name at once instead of searching for it first: `uid={user},ou=people,dc=example,dc=com`, or `{user}@ad.example.com`.',
      ),
    attributes: z
      .strictObject({
        user: attributeName().optional().describe('User name. Default `uid`, at Active Directory `sAMAccountName`.'),
        name: attributeName().optional().describe('Display name. Default `cn`, at Active Directory `displayName`.'),
        email: attributeName().prefault('mail').describe('E-mail address.'),
        id: attributeName()
          .optional()
          .describe(
            'What never changes, however a person is renamed. Default `entryUUID`, at Active Directory `objectGUID`; the DN where it is missing.',
          ),
      })
      .prefault({})
      .describe('Attributes that the identity is made of.'),
    userPrefix: userPrefixConfig,
    groups: z
      .strictObject({
        from: z
          .enum(['memberOf', 'search', 'nested', 'none'])
          .optional()
          .describe(
            '`memberOf`: the attribute of the person. `search`: entries below `base` that fit `filter`. `nested`: at Active Directory, also groups of groups. Default `memberOf`, with a `base` `search`.',
          ),
        base: dn()
          .optional()
          .describe(
            'Where groups are searched; with `memberOf`, only groups below it count. Needed for `search` and `nested`.',
          ),
        filter: filter('dn', 'user')
          .optional()
          .describe(
            'Finds the groups of a person, whose DN stands for `{dn}` and user name for `{user}`. Default `(|(member={dn})(uniqueMember={dn})(memberUid={user}))`.',
          ),
        nameAttribute: attributeName()
          .prefault('cn')
          .describe('Name of a group; with `memberOf`, what the DNs of groups start with.'),
      })
      .prefault({})
      .describe('Where the groups of a person come from.'),
    connectTimeout: limit('1s', '30s').prefault('3s').describe('For a connection to one server, TLS included.'),
    timeout: limit('1s', '30s').prefault('5s').describe('For each answer of a server.'),
    poolSize: integer(1, 50).prefault(4).describe('Connections of the searching account that are kept at most.'),
    refresh: limit('10s', '1d')
      .prefault('5m')
      .describe(
        'How often a live session asks whether its person is still there, and for their groups. With `userDn` it needs `bindDn`.',
      ),
  })
  .superRefine((config, context) => {
    const complain = (path: readonly string[], message: string): void =>
      context.addIssue({ code: 'custom', path: [...path], message });
    for (const url of config.url) {
      const server = readLdapUrl(url);
      if (server === null) continue;
      if (server.isTls && config.startTls)
        complain(['startTls'], `does not go with ${url}, which is TLS already; write ldap://`);
      if (!server.isTls && !config.startTls && !config.insecureNoTls && !isLoopbackHost(server.host))
        complain(
          ['url'],
          `has ${url}, which would carry passwords in the clear; write ldaps://, or startTls: true beside it`,
        );
    }
    if (config.bindDn !== undefined && config.bindPassword === undefined)
      complain(['bindDn'], 'needs bindPassword: without one a bind succeeds as nobody');
    if (config.bindDn === undefined && config.bindPassword !== undefined) complain(['bindPassword'], 'needs bindDn');
    const isOwnDn = config.userDn !== undefined && !config.userDn.startsWith('{user}@');
    if (config.userBase === undefined && !isOwnDn)
      complain(['userBase'], 'is missing; write where people are: ou=people,dc=example,dc=com');
    const { from, base, filter: groupFilter } = config.groups;
    if ((from === 'search' || from === 'nested') && base === undefined)
      complain(['groups', 'base'], `is missing, and groups.from is ${from}; write where groups are`);
    if (
      groupFilter !== undefined &&
      (base === undefined || from === 'memberOf' || from === 'nested' || from === 'none')
    )
      complain(['groups', 'filter'], 'is for groups.from: search, with a groups.base');
  });

function limit(min: string, max: string) {
  const [least, most] = [duration().parse(min), duration().parse(max)];
  return duration().refine((ms) => ms >= least && ms <= most, `is not between ${min} and ${max}`);
}

export type LdapConfig = z.output<typeof ldapConfig>;
