import { z } from 'zod';
import { duration } from '../../quantities.ts';
import { claimPath, providerId, requiredClaims, userPrefixConfig } from '../oidc/config.ts';

/** Parameters of the authorization request that we set, so that nobody else can. */
const ownParameters: ReadonlySet<string> = new Set([
  ...['client_id', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'state'],
  ...['code_challenge', 'code_challenge_method', 'request', 'request_uri'],
]);

/** How often a provider is asked about a session. */
export const checkEvery = () =>
  duration()
    .refine((ms) => ms >= 10_000, 'must be at least 10s')
    .prefault('15m')
    .describe('How often the provider is asked whether the person still may, and for news of groups.');

export const providerName = (usual: string) =>
  z.string().min(1).max(60).describe(`On the button: \`Sign in with NAME\`. Default: ${usual}.`);

export const providerCa = z
  .string()
  .min(1)
  .optional()
  .describe('PEM file with certificate authorities for this provider besides the usual ones.');

export const providerInsecureHttp = z
  .boolean()
  .prefault(false)
  .describe('Speak plain http to this provider. Unsafe: only for a test on the same machine or in a sealed network.');

/** An address of a provider. */
export const providerUrl = () =>
  z
    .url({ protocol: /^https?$/, error: 'is not an address; write https://id.example.com/…' })
    .refine((url) => !url.includes('#'), 'holds a fragment; take it away')
    .refine((url) => !/^https?:\/\/[^/]*@/i.test(url), 'holds a user name; take it away');

export const oauth2ProviderConfig = z
  .strictObject({
    id: providerId.describe('Short name: in the redirect address `/_auth/callback/ID`, in rules (`methods`) and logs.'),
    name: providerName('the id').optional(),
    authorizationUrl: providerUrl().describe('Where browsers are sent.'),
    tokenUrl: providerUrl().describe('Where we redeem codes.'),
    userInfoUrl: providerUrl().describe('Where we ask who holds a token: answers a JSON object.'),
    clientId: z.string().min(1).max(512).describe('As the provider gave it.'),
    clientSecret: z.string().min(1).max(4_096).optional().describe('As the provider gave it, if it did.'),
    clientAuthentication: z
      .enum(['basic', 'post', 'none'])
      .optional()
      .describe('How we prove to the provider who we are. Default: `basic` with a secret, else `none`.'),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is not a scope'))
      .prefault([])
      .describe('What is asked for. Default: what the provider gives unasked.'),
    pkce: z
      .boolean()
      .prefault(true)
      .describe('PKCE by S256. Switch it off only for a provider that refuses requests with it.'),
    issuer: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, 'is not an issuer; write a name without blanks')
      .optional()
      .describe(
        'Who vouches: with the subject it tells people apart. Default: the origin of `userInfoUrl`. Another one makes other people.',
      ),
    subjectClaim: z
      .string()
      .min(1)
      .max(256)
      .describe(
        'Claim with an id that the provider never gives to anybody else: `id`. Never an e-mail address or a name.',
      ),
    userClaim: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'Claim with the user name. Default: `preferred_username`, else a verified e-mail address, else the subject.',
      ),
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
    requiredClaims,
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
      .describe('Further parameters of the authorization request.'),
    checkEvery: checkEvery(),
    ca: providerCa,
    insecureHttp: providerInsecureHttp,
  })
  .describe('A provider of OAuth 2 without OpenID Connect.');

export const oauth2Config = z
  .array(oauth2ProviderConfig)
  .prefault([])
  .describe(
    'Providers of OAuth 2 that know no OpenID Connect, each a button on the sign-in page. Docs: docs/providers/oauth2.md.',
  );

export type OAuth2ProviderConfig = z.output<typeof oauth2ProviderConfig>;
