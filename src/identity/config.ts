import { z } from 'zod';
import { duration } from '../quantities.ts';
import { readTemplate } from './template.ts';

/** Headers that carry the message, the connection or our own word: an identity header can't bear their names. */
const takenNames =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings|cookie|set-cookie|authorization|origin|referer|destination|forwarded|date|via|range|x-request-id|x-forwarded-(for|host|proto|port)|sallyport-jwt-assertion|(proxy|content|sec|if|accept|access-control)(-.*)?)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'is not a header name; use letters, digits and -')
  .refine(
    (name) => !takenNames.test(name),
    'has another meaning in HTTP or is set by the gateway; choose another name',
  );

function template() {
  return z
    .string()
    .max(1_000)
    .refine(
      (text) => readTemplate(text) !== undefined,
      'has an unknown template; write {user}, {name}, {email}, {groups}, {method} or {claims.NAME}',
    );
}

const headerSetName = z.enum(['remote', 'forwarded', 'auth-request', 'off']);

/** Which identity headers an upstream gets: a set, several sets, or a map of header name to template. */
export const identityHeadersConfig = z
  .union([
    headerSetName,
    z.array(headerSetName).min(1),
    z
      .record(headerName, template())
      .refine(
        (map) => new Set(Object.keys(map).map((name) => name.toLowerCase())).size === Object.keys(map).length,
        'names one header twice; names of headers are the same in upper and lower case',
      ),
  ])
  .describe(
    'Identity headers for the upstream: `remote`, `forwarded`, `auth-request`, `off`, a list of these, or a map `{Header-Name: "{user}"}` with `{user}`, `{name}`, `{email}`, `{groups}`, `{method}`, `{claims.NAME}`.',
  );

export type IdentityHeadersConfig = z.output<typeof identityHeadersConfig>;

/** Longest life of an assertion (milliseconds): a rotated key is published for longer than this. */
export const maxAssertionLifetimeMs = 3_600_000;

export const assertionConfig = z
  .union([
    z.literal(false),
    z.strictObject({
      audience: z
        .string()
        .regex(/^[\x21-\x7e]{1,256}$/, 'is not an audience; write a name or URL without spaces')
        .optional()
        .describe('`aud` of the assertion. Default: the id of the route.'),
      lifetime: duration()
        .refine((ms) => ms >= 10_000 && ms <= maxAssertionLifetimeMs, 'must be between 10s and 1h')
        .prefault('5m')
        .describe('How long an assertion is good, 10s to 1h; a new one is signed at half of it.'),
      algorithm: z
        .enum(['ES256', 'EdDSA', 'RS256'])
        .prefault('ES256')
        .describe('How it is signed; RS256 only for apps that know nothing newer.'),
    }),
  ])
  .describe(
    'Sends `Sallyport-Jwt-Assertion`, a signed JWT that says who the user is: an object, `{}` for all defaults, or `false`.',
  );

/** `false`, or how assertions are made. */
export type AssertionConfig = z.output<typeof assertionConfig>;
export type AssertionAlgorithm = Exclude<AssertionConfig, false>['algorithm'];

export const identityConfig = z
  .strictObject({
    headers: identityHeadersConfig.prefault('remote'),
    assertion: assertionConfig.prefault(false),
    rotateKeysAfter: duration()
      .refine((ms) => ms === 0 || ms >= 86_400_000, 'must be at least 1d, or 0 for never')
      .prefault('90d')
      .describe(
        'Age at which a key that signs assertions gets a successor, at least 1d; `0`: only by `sallyport key rotate`.',
      ),
  })
  .prefault({});

export const routeIdentityConfig = z
  .strictObject({
    headers: identityHeadersConfig.optional(),
    assertion: assertionConfig.optional(),
    accessToken: z
      .enum(['off', 'x-forwarded-access-token', 'authorization'])
      .optional()
      .describe(
        'Hands the access token of the OpenID provider on to the app, as `X-Forwarded-Access-Token` or `Authorization: Bearer`; default `off`.',
      ),
    basicAuth: z
      .strictObject({
        user: template().min(1).describe('User name for the app; templates as in `headers`.'),
        password: template().describe('Password for the app; templates as in `headers`.'),
      })
      .optional()
      .describe('Signs in to the app itself with HTTP Basic.'),
  })
  .prefault({})
  .describe('What this upstream is told about the user; overrides the common `identity`.');

export type IdentityConfig = z.output<typeof identityConfig>;
export type RouteIdentityConfig = z.output<typeof routeIdentityConfig>;
