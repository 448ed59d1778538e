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
  /** Sign-in method that vouches for this: `local`. */
  readonly method: string;
}
