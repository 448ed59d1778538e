/** Who a visitor is, once a sign-in method has said so. Values are checked when made: no control characters, bounded length. */
export interface Identity {
  /** Canonical user name, the same everywhere: session, rules, headers, counters, logs. */
  readonly user: string;
  /** Display name; empty when unknown. */
  readonly name: string;
  /** Empty when unknown. */
  readonly email: string;
  /** Group names, none with a comma. */
  readonly groups: readonly string[];
  readonly claims: Readonly<Record<string, readonly string[]>>;
  /** Sign-in method that vouches for this: `local`, or the id of a provider. */
  readonly method: string;
  /** Who names the subject: `local`, `ldap:ID`, an OIDC issuer, `https://github.com`. With `subject` it tells people apart. */
  readonly issuer: string;
  /** Stable id of the person at the issuer, as the issuer writes it; of a local user the user name. */
  readonly subject: string;
}

/** `issuer` of the users of the users file. */
export const localIssuer = 'local';
