import type { SessionRenewer } from '../authentication/session-renewal.ts';
import type { Runtime } from '../runtime.ts';
import type { SignInConfig } from '../sign-in/config.ts';
import type { PasswordMethod, RedirectMethod } from '../sign-in/method.ts';
import { createLocalMethod } from '../sign-in/methods/local.ts';
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

export function createSignInMethods(
  config: SignInConfig,
  { directory, hasher }: Pick<Foundation, 'directory' | 'hasher'>,
  runtime: Runtime,
): SignInMethods {
  return {
    password: config.local === null ? null : createLocalMethod({ directory, hasher, runtime }),
    redirects: [],
    renewers: new Map(),
    retire: () => undefined,
  };
}
