import type { SessionRenewer } from '../authentication/session-renewal.ts';
import type { Runtime } from '../runtime.ts';
import type { SignInConfig } from '../sign-in/config.ts';
import type { PasswordMethod, RedirectMethod } from '../sign-in/method.ts';
import { openLdap } from '../sign-in/methods/ldap/open.ts';
import { createLocalFirst } from '../sign-in/methods/local-first.ts';
import { createLocalMethod } from '../sign-in/methods/local.ts';
import type { Throttle } from '../sign-in/throttle.ts';
import type { Foundation } from './foundation.ts';

/** The ways to sign in that one configuration names. */
export interface SignInMethods {
  /** What the form asks; null: there is no form. */
  readonly password: PasswordMethod | null;
  /** What the buttons lead to, in the order of the configuration. */
  readonly redirects: readonly RedirectMethod[];
  /** What keeps sessions in step, by id of the method. */
  readonly renewers: ReadonlyMap<string, SessionRenewer>;
  /** Stops what runs in the background. */
  readonly retire: () => void;
}

export interface SignInParts extends Pick<Foundation, 'directory' | 'hasher'> {
  readonly throttle: Throttle;
}

/** Builds them. Throws `config-invalid` when a file that one names can't be read. */
export function createSignInMethods(
  config: SignInConfig,
  { directory, hasher, throttle }: SignInParts,
  runtime: Runtime,
): SignInMethods {
  const local = config.local === null ? null : createLocalMethod({ directory, hasher, runtime });
  const ldap = config.ldap === undefined ? null : openLdap(config.ldap, throttle, runtime);
  const renewers = new Map<string, SessionRenewer>();
  if (ldap !== null && ldap.renewer !== null) renewers.set(ldap.method.id, ldap.renewer);
  return {
    password:
      local !== null && ldap !== null
        ? createLocalFirst({ directory, local, other: ldap.method })
        : (local ?? ldap?.method ?? null),
    redirects: [],
    renewers,
    retire: () => ldap?.close(),
  };
}
