/** Host and port of an LDAP URL. */
export interface LdapAddress {
  readonly isTls: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`; null for anything else, also for what goes on behind it. */
export function readLdapUrl(url: string): LdapAddress | null {
  const match = /^(ldaps?):\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?\/?$/.exec(url);
  if (match === null) return null;
  const [, scheme, host = '', digits] = match;
  const isTls = scheme === 'ldaps';
  const port = digits === undefined ? (isTls ? 636 : 389) : Number(digits);
  return port === 0 || port > 65_535 ? null : { isTls, host: host.replace(/^\[|\]$/g, ''), port };
}
