import type { Identity } from '../../../identity/identity.ts';
import { canonicalUserName } from '../../../identity/user-name.ts';
import { problemOfGroup, problemOfText } from '../../../users/user-record.ts';
import { normalDn, readDn } from './dn.ts';
import { idOf, textOf, textsOf } from './entry.ts';
import type { LdapEntry } from './messages.ts';
import type { LdapSettings } from './settings.ts';

export interface MadeIdentity {
  readonly identity: Identity;
  /** Groups that were left out, since no app could be told of them: a comma or a control character is in their names. */
  readonly leftOut: readonly string[];
}

/** `issuer` of the people of a directory. */
export function ldapIssuer(id: string): string {
  return `ldap:${id}`;
}

/**
 * The user name of an entry in canonical form, with the prefix; null when it has none that could be one. Of several values the
 * one that names the entry counts, else the first in the alphabet: servers have them in no order.
 */
export function userOf(entry: LdapEntry, { attributes, userPrefix }: LdapSettings): string | null {
  const names = textsOf(entry, attributes.user);
  const own = readDn(entry.dn)?.[0]?.find(({ type }) => type === attributes.user.toLowerCase())?.value;
  const name = names.length > 1 ? (own ?? names.toSorted()[0]) : names[0];
  return name === undefined ? null : canonicalUserName(userPrefix + name.trim());
}

/** What an entry says of a person; null when it has no usable user name. */
export function identityOf(entry: LdapEntry, groups: readonly string[], settings: LdapSettings): MadeIdentity | null {
  const user = userOf(entry, settings);
  if (user === null) return null;
  const { attributes, id } = settings;
  const plain = (attribute: string): string => {
    const text = textOf(entry, attribute)?.trim() ?? '';
    return problemOfText(text) === undefined ? text : '';
  };
  const kept = groups.filter((group) => problemOfGroup(group) === undefined);
  return {
    identity: {
      user,
      name: plain(attributes.name),
      email: plain(attributes.email),
      groups: kept,
      claims: {},
      method: id,
      issuer: ldapIssuer(id),
      subject: idOf(entry, attributes.id) ?? subjectOfDn(entry.dn),
    },
    leftOut: groups.filter((group) => !kept.includes(group)),
  };
}

const dnMark = 'dn:';

/** Where a directory has no ids, a person is their place in it. */
function subjectOfDn(dn: string): string {
  return dnMark + normalDn(dn);
}

/** The DN, in normal form, that such a subject stands for. */
export function dnOfSubject(subject: string): string {
  return subject.slice(dnMark.length);
}

/** True for the subject of a person without an id. */
export function isDnSubject(subject: string): boolean {
  return subject.startsWith(dnMark);
}
