import { z } from 'zod';
import { accessTokensConfig } from '../access-token/config.ts';
import { adminConfig } from '../admin/config.ts';
import { bearerConfig } from '../authentication/config.ts';
import { identityConfig } from '../identity/config.ts';
import { logConfig } from '../observability/config.ts';
import { themeConfig } from '../response/config.ts';
import { routesConfig } from '../route/config.ts';
import { serverConfig } from '../server/config.ts';
import { sessionConfig } from '../session/config.ts';
import { signInConfig, type SignInConfig } from '../sign-in/config.ts';
import { storeConfig } from '../store/config.ts';

/** The whole configuration file: the rooms' slices put together. */
export const configSchema = z
  .strictObject({
    server: serverConfig.describe('Where visitors reach the gateway, and what stands in front of it.'),
    admin: adminConfig.describe('The listener for operators: metrics, health, sessions.'),
    store: storeConfig.describe('Where sessions and counters live.'),
    session: sessionConfig.describe('How long a sign-in lasts, and the cookie that carries it.'),
    signIn: signInConfig.describe('How people sign in.'),
    accessTokens: accessTokensConfig.describe('Tokens that people make for their programs.'),
    bearer: bearerConfig.describe('Issuers whose JWTs machines sign in with, as `Authorization: Bearer`.'),
    identity: identityConfig.describe('What upstreams are told about the user.'),
    routes: routesConfig.describe(
      'The apps: which requests go where, and who may pass. The most specific host wins, then the longest path.',
    ),
    theme: themeConfig.describe('How our own pages look.'),
    log: logConfig.describe('What is written to standard output, as JSON lines or, on a terminal, for people.'),
  })
  .meta({ title: 'Configuration of Sallyport' });

type Parsed = z.output<typeof configSchema>;

/** A checked, deeply frozen configuration; every path in it is absolute, every default filled in. */
export interface Config extends Omit<Parsed, 'server' | 'routes' | 'signIn'> {
  /** `publicUrl` without a path; `http://localhost:PORT` of the first TCP address when the file names none. */
  readonly server: Parsed['server'] & { readonly publicUrl: string };
  readonly signIn: SignInConfig;
  /** Every route has an id, unlike any other's. */
  readonly routes: readonly (Parsed['routes'][number] & { readonly id: string })[];
}
