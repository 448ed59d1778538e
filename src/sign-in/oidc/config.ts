import { z } from 'zod';
import { duration } from '../../quantities.ts';
import { applyPreset, presetNames } from './presets.ts';

/** Parameters of the authorization request that we set, so that nobody else can. */
const ownParameters = new Set([
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'max_age',
  'acr_values',
  'request',
  'request_uri',
]);

/** Where a claim stands. */
export const claimPath = (usual: string, what: string) =>
  z
    .string()
    .min(1)
    .max(256)
    .prefault(usual)
    .describe(`Claim with ${what}; a path with dots (\`realm_access.roles\`) leads into objects.`);

/** Id of a provider: stands in addresses, sessions, rules and logs. */
export const providerId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'is not an id; use a-z, 0-9 and -')
  .refine((id) => !takenIds.has(id), 'is the id of another way in; choose another');

/** Other ways in, as rules and logs name them. */
const takenIds: ReadonlySet<string> = new Set([
  ...['local', 'basic', 'bearer', 'token', 'github', 'trusted-header', 'client-certificate', 'hand-over'],
]);

/** What the provider must say of whoever wants to come in. */
export const requiredClaims = z
  .record(
    z.string().min(1).max(256),
    z
      .union([z.string(), z.array(z.string()).min(1)])
      .transform((value) => (typeof value === 'string' ? [value] : value)),
  )
  .prefault({})
  .describe('Who may sign in at all: `{hd: [example.com]}`. Every claim must have one of its values.');

export const userPrefixConfig = z
  .string()
  .max(32)
  .regex(/^[^\s,:]*$/, 'holds white space, a comma or a colon')
  .prefault('')
  .describe('Stands before every user name of this provider, where names of several providers could meet: `corp-`.');

const parameter = (description: string) => z.string().optional().describe(description);

const written = z
  .strictObject({
    id: providerId
      .optional()
      .describe(
        'Short name: in the redirect address `/_auth/callback/ID`, in rules (`methods`) and logs. Required; with a `preset` its name where this is left out.',
      ),
    preset: z
      .enum(presetNames)
      .optional()
      .describe(
        'A provider whose ways are known: issuer, name, scopes and claims are filled in, and what stands here itself wins. Docs: docs/providers.',
      ),
    domain: parameter(
      'With `preset` okta, auth0, keycloak, authentik, zitadel, gitlab (default gitlab.com): its host.',
    ),
    tenant: parameter('With `preset: microsoft`: the id of your tenant.'),
    realm: parameter('With `preset: keycloak`.'),
    application: parameter('With `preset: authentik`: the slug of the application.'),
    hostedDomain: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe(
        'With `preset: google`: the Workspace domains whose people may sign in. Default: everybody with an account.',
      ),
    name: z.string().min(1).max(60).optional().describe('On the button: `Sign in with NAME`. Default: the id.'),
    issuer: z
      .url({ protocol: /^https?$/, error: 'is not an address; write https://id.example.com' })
      .refine((url) => !/[?#]/.test(url), 'holds a query or fragment; write the issuer exactly as the provider does')
      .refine((url) => !/[{}]|%7b/i.test(url), 'holds a placeholder; write the issuer with the id of your own tenant')
      .refine(
        (url) => !/^https:\/\/login\.microsoftonline\.com\/(common|organizations|consumers)\//i.test(url),
        'is for people of every tenant; write the issuer with the id of your own tenant',
      )
      .optional()
      .describe(
        'Required without a `preset`. Issuer, exactly as the provider writes it; `/.well-known/openid-configuration` under it is read.',
      ),
    clientId: z.string().min(1).max(512).describe('As the provider gave it.'),
    clientSecret: z.string().min(1).max(4_096).optional().describe('As the provider gave it, if it did.'),
    clientKey: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the private key of `private-key-jwt` (RSA, P-256 or Ed25519, PKCS #8).'),
    clientKeyId: z.string().min(1).max(256).optional().describe('`kid` of that key, where the provider knows several.'),
    clientAuthentication: z
      .enum(['basic', 'post', 'private-key-jwt', 'none'])
      .optional()
      .describe(
        'How we prove to the provider who we are. Default: `private-key-jwt` with a `clientKey`, `none` without a secret, else what the provider supports of `basic` and `post`.',
      ),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is not a scope'))
      .prefault(['openid', 'profile', 'email'])
      .refine((scopes) => scopes.includes('openid'), 'lacks openid')
      .describe(
        'What is asked for. `offline_access` brings a refresh token at providers that want to be asked for it.',
      ),
    userClaim: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe('Claim with the user name. Default: `preferred_username`, else a verified e-mail address, else `sub`.'),
    nameClaim: claimPath('name', 'the name to show'),
    emailClaim: claimPath('email', 'the e-mail address'),
    groupsClaim: claimPath('groups', 'the groups: a text or a list'),
    userPrefix: userPrefixConfig,
    trustEmail: z
      .boolean()
      .prefault(false)
      .describe(
        'Take the e-mail address also without `email_verified: true`: only where the provider lets nobody choose one.',
      ),
    userinfo: z
      .boolean()
      .prefault(true)
      .describe('Ask the userinfo endpoint too; some providers tell groups only there.'),
    requiredClaims,
    acrValues: z
      .array(z.string().regex(/^\S+$/))
      .prefault([])
      .describe('`acr_values` of the request. To insist, also write `requiredClaims: {acr: […]}`.'),
    prompt: z
      .enum(['login', 'consent', 'select_account'])
      .optional()
      .describe('`prompt` of each request. Default: none, so that whoever is signed in there goes straight through.'),
    maxAge: duration()
      .optional()
      .describe('The sign-in there may be this old at most. Needs a provider that tells `auth_time`.'),
    authorizationParameters: z
      .record(
        z
          .string()
          .min(1)
          .max(128)
          .refine((name) => !ownParameters.has(name), 'is set by the gateway; see the other options'),
        z.string().max(2_048),
      )
      .prefault({})
      .describe('Further parameters of the authorization request: `{hd: example.com}`.'),
    checkEvery: duration()
      .refine((ms) => ms >= 10_000, 'must be at least 10s')
      .prefault('15m')
      .describe(
        'With a refresh token, the provider is asked this often at least whether the person still may, and for news of groups.',
      ),
    acceptUntypedLogoutTokens: z
      .boolean()
      .prefault(false)
      .describe('Take back-channel logout tokens without `typ: logout+jwt`, as older providers make them.'),
    signOut: z
      .boolean()
      .prefault(true)
      .describe('Signing out here signs out at the provider too, where it has an address for that.'),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with certificate authorities for this provider besides the usual ones.'),
    insecureHttp: z
      .boolean()
      .prefault(false)
      .describe(
        'Speak plain http to this provider. Unsafe: only for a test on the same machine or in a sealed network.',
      ),
  })
  .describe('An OpenID Connect provider.');

/** A preset is filled in before anything is judged, so that its word is judged like one that somebody wrote. */
export const oidcProviderConfig = z.preprocess(
  (entry, context) => {
    const applied = applyPreset(entry);
    if (applied.kind === 'entry') return applied.entry;
    for (const { path, message } of applied.faults)
      context.issues.push({ code: 'custom', path: [...path], message, input: entry });
    return z.NEVER;
  },
  written.transform(({ id, issuer, ...rest }, context) => {
    for (const [key, value] of Object.entries({ id, issuer }))
      if (value === undefined) context.issues.push({ code: 'custom', path: [key], message: 'is missing', input: rest });
    return id === undefined || issuer === undefined ? z.NEVER : { ...rest, id, issuer };
  }),
);

export const oidcConfig = z
  .array(oidcProviderConfig)
  .prefault([])
  .describe(
    'OpenID Connect providers, each a button on the sign-in page. One alone, without another method: straight to it.',
  );

export type OidcProviderConfig = z.output<typeof oidcProviderConfig>;

/** Plain http to this very machine. */
export function isLoopbackHttp(address: string): boolean {
  const url = URL.parse(address);
  return url?.protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}
