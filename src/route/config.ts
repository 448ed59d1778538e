import { z } from 'zod';
import { routeIdentityConfig } from '../identity/config.ts';
import { accessConfig } from '../policy/config.ts';
import { byteSize, httpOrigin } from '../quantities.ts';
import { readAuthority } from '../request/host.ts';
import { requestHeadersConfig, responseHeadersConfig } from './headers/config.ts';
import { redirectConfig, respondConfig } from './own-answer/config.ts';
import { upstreamConfig } from './upstream/config.ts';

/** The host pattern in the spelling of `RequestFacts.host`; null: every host. */
export function routeHost(text: string | undefined): string | null {
  if (text === undefined) return null;
  const wildcard = text.startsWith('*.');
  const host = readAuthority(wildcard ? text.slice(2) : text)?.host ?? text.toLowerCase();
  return wildcard ? `*.${host}` : host;
}

export const routeConfig = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not an id; use letters, digits, ., _ and -')
    .optional()
    .describe('Name of the route in logs, metrics and rules. Default: made from host and path.'),
  host: z
    .string()
    .regex(
      /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^\[[0-9a-fA-F:.]+\]$/,
      'is not a host; write app.example.com or *.example.com, without port',
    )
    .refine((text) => readAuthority(text.replace(/^\*\./, '')) !== null, 'is not a host; write app.example.com')
    .optional()
    .describe('Host that this route serves, exact or `*.example.com`; left out: every host.'),
  path: z.string().startsWith('/', 'must start with /').prefault('/').describe('Path prefix, by whole segments.'),
  upstream: upstreamConfig
    .optional()
    .describe(
      'The app: `http://HOST:PORT`, `https://HOST` or `unix:/path`; a list for several targets; a mapping to say more. One of `upstream`, `redirect`, `respond`.',
    ),
  redirect: redirectConfig.optional(),
  respond: respondConfig.optional(),
  stripPath: z.boolean().prefault(false).describe('Take `path` away before forwarding; the same as `upstreamPath: /`.'),
  upstreamPath: z
    .string()
    .startsWith('/', 'must start with /')
    .optional()
    .describe(
      'What stands in place of `path` in the app: with `path: /wiki` and `/apps/wiki` here, `/wiki/x` is `/apps/wiki/x`.',
    ),
  preserveHost: z.boolean().prefault(true).describe("Send the visitor's `Host`; `false`: the upstream's own."),
  requestHeaders: requestHeadersConfig.optional(),
  responseHeaders: responseHeadersConfig.optional(),
  maxBodySize: byteSize().optional().describe('Larger request bodies are refused with 413. Default: no limit.'),
  identity: routeIdentityConfig,
  access: accessConfig.prefault('signed-in'),
  allowedOrigins: z.array(httpOrigin()).prefault([]).describe('Other origins that may open WebSockets here.'),
  acceptBasic: z
    .boolean()
    .prefault(false)
    .describe('Accept user name and password by HTTP Basic, for programs such as git, curl and WebDAV clients.'),
  acceptTokens: z
    .boolean()
    .prefault(true)
    .describe('Machines may sign in by a bearer JWT (see `bearer`) or a personal access token; `false`: people only.'),
  encodedSlashes: z
    .boolean()
    .prefault(false)
    .describe('The app needs `%2f` in paths (npm, GitLab): let it pass as an ordinary character.'),
  title: z.string().min(1).max(80).optional().describe('How the app is called on our pages. Default: the id.'),
  signOut: z
    .strictObject({
      clearCookies: z
        .array(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is not a cookie name'))
        .prefault([])
        .describe(
          "The app's own cookies that end with the sign-out, and when another user signs in on the same browser.",
        ),
    })
    .prefault({}),
});

export const routesConfig = z.array(routeConfig).min(1, 'is empty; write at least one route with an upstream');

export type RouteConfig = z.output<typeof routeConfig>;
