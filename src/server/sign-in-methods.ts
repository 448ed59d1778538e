import type { SessionRenewer } from '../authentication/session-renewal.ts';
import type { Runtime } from '../runtime.ts';
import { githubMethod } from '../sign-in/github/config.ts';
import type { PasswordMethod, RedirectMethod } from '../sign-in/method.ts';
import { openLdap } from '../sign-in/methods/ldap/open.ts';
import { createLocalFirst } from '../sign-in/methods/local-first.ts';
import { createLocalMethod } from '../sign-in/methods/local.ts';
import { createGithubMethod } from '../sign-in/methods/github.ts';
import { createOAuth2Method } from '../sign-in/methods/oauth2.ts';
import { createOidcMethod } from '../sign-in/methods/oidc.ts';
import type { Throttle } from '../sign-in/throttle.ts';
import type { Foundation } from './foundation.ts';
import type { ServerSettings } from './settings.ts';
import type { OwnerAsker } from './token-sweep.ts';

/** The ways to sign in that one configuration names. */
export interface SignInMethods {
  /** What the form asks; null: there is no form. */
  readonly password: PasswordMethod | null;
  /** What the buttons lead to, in the order of the configuration. */
  readonly redirects: readonly RedirectMethod[];
  /** What keeps sessions in step, by id of the method. */
  readonly renewers: ReadonlyMap<string, SessionRenewer>;
  /** Who can say what people are now who are not there, for their access tokens. */
  readonly askers: readonly OwnerAsker[];
  /** Stops what runs in the background. */
  readonly retire: () => void;
}

export interface SignInParts extends Pick<Foundation, 'directory' | 'hasher' | 'store'> {
  readonly throttle: Throttle;
}

/** Builds them. Throws `config-invalid` when a file that one names can't be read. */
export function createSignInMethods(
  { signIn, server, routes }: ServerSettings,
  { directory, hasher, store, throttle }: SignInParts,
  runtime: Runtime,
): SignInMethods {
  const local = signIn.local === null ? null : createLocalMethod({ directory, hasher, runtime });
  const ldap = signIn.ldap === undefined ? null : openLdap(signIn.ldap, throttle, runtime);
  const renewers = new Map<string, SessionRenewer>();
  if (ldap !== null && ldap.renewer !== null) renewers.set(ldap.method.id, ldap.renewer);
  const keepsAccessToken = routes.some(({ identity: { accessToken = 'off' } }) => accessToken !== 'off');
  const shared = (id: string) => ({
    redirectUri: `${server.publicUrl}${server.authPath}/callback/${id}`,
    keepsAccessToken,
    runtime,
  });
  const providers = [
    ...signIn.oidc.map((config) => createOidcMethod({ config, store, ...shared(config.id) })),
    ...(signIn.github === undefined ? [] : [createGithubMethod({ config: signIn.github, ...shared(githubMethod) })]),
    ...signIn.oauth2.map((config) => createOAuth2Method({ config, ...shared(config.id) })),
  ];
  for (const { method, renew } of providers) renewers.set(method.id, renew);
  return {
    password:
      local !== null && ldap !== null
        ? createLocalFirst({ directory, local, other: ldap.method })
        : (local ?? ldap?.method ?? null),
    redirects: providers.map(({ method }) => method),
    renewers,
    askers: ldap === null || ldap.owner === null ? [] : [ldap.owner],
    retire: () => {
      ldap?.close();
      for (const { close } of providers) close();
    },
  };
}
