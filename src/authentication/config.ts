import { z } from 'zod';
import { duration } from '../quantities.ts';

/** Signatures that nobody can make who can check them: `none` and the HMAC family can't be configured. */
const bearerAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const;

const claimName = () =>
  z
    .string()
    .min(1)
    .max(256)
    .regex(/^[\x21-\x7e]+$/, 'is not the name of a claim; write a name such as sub, or a path such as realm.roles');

const text = () => z.string().min(1).max(1_000);

const keyUrl = z.string().refine(isHttpUrl, 'is not an address; write https://HOST/PATH');

const issuerConfig = z
  .strictObject({
    issuer: z
      .string()
      .regex(/^[\x21-\x7e]{1,1024}$/, 'is not an issuer; write its `iss`, letter by letter')
      .describe('The `iss` of its tokens, letter by letter.'),
    audience: z
      .union([text(), z.array(text()).min(1)])
      .transform((value) => (typeof value === 'string' ? [value] : value))
      .describe('The `aud` that a token for this gateway has; one of these must be in it.'),
    discovery: z
      .union([z.literal(true), keyUrl])
      .optional()
      .describe(
        'How the keys are found: `true` (the default when no other is named) asks `ISSUER/.well-known/openid-configuration`; or the address of such a document.',
      ),
    jwksUrl: keyUrl.optional().describe('The keys stand at this address, instead of discovery.'),
    jwksFile: z.string().min(1).optional().describe('The keys stand in this file (a JWK set), instead of discovery.'),
    insecureHttp: z
      .boolean()
      .prefault(false)
      .describe('Fetch keys over plain http from another machine: whoever is in between can sign tokens.'),
    algorithms: z
      .array(z.enum(bearerAlgorithms))
      .min(1)
      .prefault(['ES256', 'EdDSA', 'RS256'])
      .describe('Signature algorithms that are accepted.'),
    typ: z
      .string()
      .regex(/^[A-Za-z0-9.+/-]{1,64}$/, 'is not a type; write at+jwt')
      .optional()
      .describe(
        'The `typ` that a token must have, `at+jwt` for access tokens of RFC 9068. Default: any but those of other purposes.',
      ),
    clockSkew: duration()
      .refine((ms) => ms <= 300_000, 'must be at most 5m')
      .prefault('30s')
      .describe('How far clocks may differ when `exp`, `nbf` and `iat` are checked; at most `5m`.'),
    requiredClaims: z
      .record(
        claimName(),
        z.union([text(), z.array(text()).min(1)]).transform((value) => (typeof value === 'string' ? [value] : value)),
      )
      .prefault({})
      .describe(
        'Claims that a token must have, each with one of these values: `{repository_owner: acme}`. Needed with an issuer that gives tokens to anybody.',
      ),
    claims: z
      .strictObject({
        user: claimName().prefault('sub').describe('The claim that names the user.'),
        name: claimName().prefault('name').describe('The claim with the display name.'),
        email: claimName()
          .prefault('email')
          .describe('The claim with the e-mail address; left out where `email_verified` says no.'),
        groups: claimName()
          .prefault('groups')
          .describe('The claim with the groups, a text or a list; a path such as `realm_access.roles` too.'),
      })
      .prefault({}),
    userPrefix: z
      .string()
      .max(64)
      .regex(/^[^\p{Cc}\p{Z}]*$/u, 'has white space or control characters in it')
      .prefault('')
      .describe('Put in front of every user name of this issuer (`ci:`), so that none is a person of another.'),
  })
  .superRefine((value, context) => {
    const sources = (['discovery', 'jwksUrl', 'jwksFile'] as const).filter((key) => value[key] !== undefined);
    const [, second] = sources;
    if (second !== undefined)
      context.addIssue({
        code: 'custom',
        path: [second],
        message: `stands beside ${sources[0] ?? ''}; take one of them away`,
      });
    const addresses = [
      ['jwksUrl', value.jwksUrl],
      ['discovery', value.discovery === true ? undefined : value.discovery],
      ['issuer', sources.length === 0 || value.discovery === true ? value.issuer : undefined],
    ] as const;
    for (const [key, address] of addresses) {
      if (address === undefined) continue;
      if (!isHttpUrl(address))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'is no address, so its keys can not be discovered; add jwksUrl or jwksFile',
        });
      else if (!value.insecureHttp && !isSafeUrl(address))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'is http, so keys could be exchanged on the way; write https, or say insecureHttp: true',
        });
    }
  });

export const bearerConfig = z
  .array(issuerConfig)
  .superRefine((issuers, context) => {
    const seen = new Map<string, number>();
    for (const [index, { issuer }] of issuers.entries()) {
      const first = seen.get(issuer);
      if (first !== undefined)
        context.addIssue({
          code: 'custom',
          path: [index, 'issuer'],
          message: `is already bearer[${first}]; put both into one, with a list of audiences`,
        });
      seen.set(issuer, index);
    }
  })
  .prefault([]);

/** One issuer whose JWTs machines may sign in with. */
export type BearerIssuerConfig = z.output<typeof bearerConfig>[number];
export type BearerAlgorithm = BearerIssuerConfig['algorithms'][number];

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    url.username === '' &&
    url.password === '' &&
    url.hash === ''
  );
}

/** Keys from there come from whom the name says: by TLS, or without leaving this machine. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  return url.protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}
