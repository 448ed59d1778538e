import { z } from 'zod';

const headerName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'is not a header name; use letters, digits and -');

const headerSetName = z.enum(['remote', 'forwarded', 'auth-request', 'off']);

/** Which identity headers an upstream gets: a set, several sets, or a map of header name to template. */
export const identityHeadersConfig = z
  .union([headerSetName, z.array(headerSetName).min(1), z.record(headerName, z.string().max(1_000))])
  .describe(
    'Identity headers for the upstream: `remote`, `forwarded`, `auth-request`, `off`, a list of these, or a map `{Header-Name: "{user}"}` with `{user}`, `{name}`, `{email}`, `{groups}`, `{method}`, `{claims.NAME}`.',
  );

export type IdentityHeadersConfig = z.output<typeof identityHeadersConfig>;

export const identityConfig = z.strictObject({ headers: identityHeadersConfig.prefault('remote') }).prefault({});

export const routeIdentityConfig = z
  .strictObject({
    headers: identityHeadersConfig.optional(),
    basicAuth: z
      .strictObject({
        user: z.string().min(1).describe('User name for the app; templates as in `headers`.'),
        password: z.string().describe('Password for the app; templates as in `headers`.'),
      })
      .optional()
      .describe('Signs in to the app itself with HTTP Basic.'),
  })
  .prefault({})
  .describe('What this upstream is told about the user; overrides the common `identity`.');

export type IdentityConfig = z.output<typeof identityConfig>;
export type RouteIdentityConfig = z.output<typeof routeIdentityConfig>;
