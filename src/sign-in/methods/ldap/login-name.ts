import { escapeDnValue } from './dn.ts';
import type { LdapSettings } from './settings.ts';

/**
 * What a directory is asked for when somebody types `user`: Active Directory's `EXAMPLE\alice`, and `alice@example.com` where
 * `userDn` adds that domain anyway, mean `alice`. Null for a name that LDAP would take for another spelling of some other
 * (RFC 4518 §2.2, §2.6.1): as many spellings would be as many tries.
 */
export function loginOf(user: string, { isActiveDirectory, userDn }: LdapSettings): string | null {
  const behind = isActiveDirectory ? user.slice(user.lastIndexOf('\\') + 1) : user;
  const domain = userDn === null ? null : domainOf(userDn);
  const login = domain !== null && behind.endsWith(`@${domain}`) ? behind.slice(0, -domain.length - 1) : behind;
  return login === '' || /\s{2}|[\u00ad\u034f\u1806\u180b-\u180e\ufe00-\ufe0f\ufffc]/u.test(login) ? null : login;
}

/** The name to bind as at once. */
export function bindName(userDn: string, login: string): string {
  const value = domainOf(userDn) === null ? escapeDnValue(login) : login;
  // Not as a pattern: `$&` may stand in a name.
  return userDn.split('{user}').join(value);
}

/** The domain of `{user}@domain`, in lower case; null for a DN. */
export function domainOf(userDn: string): string | null {
  return userDn.startsWith('{user}@') ? userDn.slice('{user}@'.length).toLowerCase() : null;
}
