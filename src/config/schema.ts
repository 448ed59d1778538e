import { z } from 'zod';
import { adminConfig } from '../admin/config.ts';
import { identityConfig } from '../identity/config.ts';
import { logConfig } from '../observability/config.ts';
import { themeConfig } from '../response/config.ts';
import { routesConfig } from '../route/config.ts';
import { serverConfig } from '../server/config.ts';
import { sessionConfig } from '../session/config.ts';
import { signInConfig } from '../sign-in/config.ts';
import { storeConfig } from '../store/config.ts';

/** The whole configuration file: the rooms' slices put together. */
export const configSchema = z.strictObject({
  server: serverConfig,
  admin: adminConfig,
  store: storeConfig,
  session: sessionConfig,
  signIn: signInConfig,
  identity: identityConfig,
  routes: routesConfig,
  theme: themeConfig,
  log: logConfig,
});

type Parsed = z.output<typeof configSchema>;

/** A checked, deeply frozen configuration; every path in it is absolute, every default filled in. */
export interface Config extends Omit<Parsed, 'server' | 'routes'> {
  /** `publicUrl` without a path; `http://localhost:PORT` of the first TCP address when the file names none. */
  readonly server: Parsed['server'] & { readonly publicUrl: string };
  /** Every route has an id, unlike any other's. */
  readonly routes: readonly (Parsed['routes'][number] & { readonly id: string })[];
}
