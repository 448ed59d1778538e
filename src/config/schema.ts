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

/** A checked, frozen configuration; every path in it is absolute. */
export type Config = z.output<typeof configSchema>;
