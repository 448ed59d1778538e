import { z } from 'zod';
import { clientCertificateConfig } from '../authentication/client-certificate/config.ts';
import { trustedHeaderConfig } from '../authentication/trusted-header/config.ts';
import { ldapConfig } from './methods/ldap/config.ts';
import { duration, integer } from '../quantities.ts';
import { githubConfig } from './github/config.ts';
import { oauth2Config } from './oauth/config.ts';
import { oidcConfig } from './oidc/config.ts';

/** Where the users file is when nobody says so. */
export const defaultUsersFile = './users.yaml';

export const signInConfig = z
  .strictObject({
    local: z
      .strictObject({
        users: z
          .string()
          .min(1)
          .prefault(defaultUsersFile)
          .describe(
            'The users: a YAML file (`users: {alice: {name, email, groups, password, disabled}}`) or an Apache htpasswd file.',
          ),
      })
      .optional()
      .describe(
        'Sign-in with a user name and password from a file. On by default while no other method is named; write `{}` to have it beside others.',
      ),
    ldap: ldapConfig
      .optional()
      .describe('Sign-in with a directory: OpenLDAP, Active Directory, lldap, FreeIPA. Docs: docs/ldap.md.'),
    oidc: oidcConfig,
    github: githubConfig.optional(),
    oauth2: oauth2Config,
    trustedHeader: trustedHeaderConfig
      .optional()
      .describe(
        'A proxy in front signs people in and says so in headers (method `trusted-header`). Docs: docs/trusted-header.md.',
      ),
    clientCertificate: clientCertificateConfig
      .optional()
      .describe(
        'The certificate of a TLS client signs in (method `client-certificate`); needs `server.tls.clientCa`. Docs: docs/client-certificates.md.',
      ),
    providerOutage: duration()
      .prefault('15m')
      .describe('How long a live session goes on while its provider can not be asked about it; then it ends.'),
    throttle: z
      .strictObject({
        failures: integer(1, 1_000)
          .prefault(5)
          .describe('This many failures of one account lock it; four times as many lock an address.'),
        within: duration().prefault('5m').describe('Failures count for this long.'),
        lockFor: duration().prefault('10m').describe('How long a lock lasts. It never ends a live session.'),
      })
      .prefault({})
      .describe('Limits on guessing, counted by account and by client address.'),
  })
  .prefault({});

export type ParsedSignInConfig = z.output<typeof signInConfig>;

/** With `local` settled: null when other methods are named and it is not. */
export type SignInConfig = Omit<ParsedSignInConfig, 'local'> & { readonly local: { readonly users: string } | null };

/** Names some method besides the local users. */
export function namesOtherMethod(config: ParsedSignInConfig): boolean {
  const { ldap, oidc, github, oauth2, trustedHeader, clientCertificate } = config;
  const others = [ldap, github, trustedHeader, clientCertificate];
  return oidc.length + oauth2.length > 0 || others.some((method) => method !== undefined);
}
