import type { Identity } from '../../identity/identity.ts';
import { canonicalUserName } from '../../identity/user-name.ts';
import { canonicalEmail } from '../../policy/criteria/email.ts';
import { problemOfGroup, problemOfText } from '../../users/user-record.ts';
import type { OidcProviderConfig } from './config.ts';

/** What a provider said, ID token and userinfo together. Nothing in it is of a certain type. */
export type Claims = Readonly<Record<string, unknown>>;

export type MappingConfig = Pick<
  OidcProviderConfig,
  'id' | 'userClaim' | 'nameClaim' | 'emailClaim' | 'groupsClaim' | 'userPrefix' | 'trustEmail' | 'requiredClaims'
>;

export type Mapped =
  | { readonly kind: 'identity'; readonly identity: Identity }
  /** A kebab-case slug for the log. */
  | { readonly kind: 'refused'; readonly reason: string };

const maxGroups = 2_000;
const maxNameLength = 256;
const maxClaims = 100;
const maxClaimsLength = 16_384;

/** Of the protocol, not of the person. */
const protocolClaims = new Set([
  ...[
    'iss',
    'sub',
    'aud',
    'azp',
    'exp',
    'iat',
    'nbf',
    'jti',
    'nonce',
    'sid',
    'auth_time',
    'at_hash',
    'c_hash',
    's_hash',
  ],
  ...['_claim_names', '_claim_sources'],
]);

/**
 * Makes an identity of verified claims. What has the wrong type is left out, and refused where it is needed; a group that could
 * be read as two is left out.
 */
export function mapClaims(claims: Claims, config: MappingConfig): Mapped {
  const { iss, sub } = claims;
  if (typeof iss !== 'string' || typeof sub !== 'string' || !isSubject(sub)) return refused('malformed-subject');
  for (const [name, values] of Object.entries(config.requiredClaims))
    if (!textsAt(claims, name).some((text) => values.includes(text))) return refused('required-claim-missing');
  const email = emailOf(claims, config);
  const name = userNameOf(claims, config, email);
  const user = name === undefined ? null : canonicalUserName(config.userPrefix + name);
  if (user === null) return refused('no-user-name');
  if (isElsewhere(claims, config.groupsClaim)) return refused('groups-elsewhere');
  const groups = [...new Set(textsAt(claims, config.groupsClaim))].filter(
    (group) => problemOfGroup(group) === undefined,
  );
  if (groups.length > maxGroups) return refused('too-many-groups');
  const identity: Identity = {
    user,
    name: cleanText(claimAt(claims, config.nameClaim)).slice(0, maxNameLength),
    email,
    groups,
    claims: keptClaims(claims),
    method: config.id,
    issuer: iss,
    subject: sub,
  };
  return { kind: 'identity', identity };
}

/**
 * OpenID Connect Core §5.6.2: the claim is not in the token, since it would be too long (Microsoft, from 200 groups on). Whoever has so many
 * groups must not pass for somebody without any, whom no rule that denies would meet.
 */
function isElsewhere(claims: Claims, path: string): boolean {
  const names = claims['_claim_names'];
  return isObject(names) && Object.hasOwn(names, path) && claimAt(claims, path) === undefined;
}

/** OpenID Connect Core §2: at most 255 ASCII characters; a control character is never meant well. */
function isSubject(text: string): boolean {
  return /^[\x20-\x7e]{1,255}$/.test(text);
}

/** The address, in the form in which rules compare it; empty when there is none or nobody vouches for it. */
function emailOf(claims: Claims, { emailClaim, trustEmail }: MappingConfig): string {
  const text = claimAt(claims, emailClaim);
  if (typeof text !== 'string' || (!trustEmail && claims['email_verified'] !== true)) return '';
  return canonicalEmail(text) ?? '';
}

function userNameOf(claims: Claims, { userClaim }: MappingConfig, email: string): string | undefined {
  if (userClaim !== undefined) {
    // An address that nobody vouches for is no name.
    const text = userClaim === 'email' ? email : claimAt(claims, userClaim);
    return typeof text === 'string' && text !== '' ? text : undefined;
  }
  const preferred = claims['preferred_username'];
  if (typeof preferred === 'string' && preferred !== '') return preferred;
  return email === '' ? String(claims['sub']) : email;
}

/** The claim of that very name, else what a path with dots leads to. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

function textsAt(claims: Claims, path: string): readonly string[] {
  return textsOf(claimAt(claims, path));
}

/** A scalar or a list of them as texts; of anything else nothing. */
function textsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => (Array.isArray(item) ? [] : textsOf(item)));
  if (typeof value === 'string') return [value];
  return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
}

function cleanText(value: unknown): string {
  return typeof value === 'string' && problemOfText(value) === undefined ? value.trim() : '';
}

/** What rules and templates may ask for, by path; bounded, since it travels with the session. */
function keptClaims(claims: Claims): Identity['claims'] {
  const kept: [string, readonly string[]][] = [];
  let length = 0;
  const visit = (value: unknown, path: string, depth: number): void => {
    if (isObject(value)) {
      if (depth < 3) for (const [key, entry] of Object.entries(value)) visit(entry, `${path}.${key}`, depth + 1);
      return;
    }
    const texts = textsOf(value).filter((text) => problemOfText(text) === undefined);
    const size = path.length + texts.reduce((sum, text) => sum + text.length, 0);
    if (texts.length === 0 || kept.length >= maxClaims || length + size > maxClaimsLength) return;
    length += size;
    kept.push([path, texts]);
  };
  for (const [name, value] of Object.entries(claims)) if (!protocolClaims.has(name)) visit(value, name, 0);
  return Object.fromEntries(kept);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(reason: string): Mapped {
  return { kind: 'refused', reason };
}
