import type { Identity } from '../identity/identity.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { problemOfGroup, problemOfText } from '../users/user-record.ts';
import type { BearerIssuerConfig } from './config.ts';

type Claims = Readonly<Record<string, unknown>>;

/** Claims that speak of the token, not of who holds it: no rule asks for them. */
const technicalClaims = new Set([
  'iss',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'nonce',
  'at_hash',
  'c_hash',
  's_hash',
  'sid',
]);
const maxClaims = 100;
const maxClaimDepth = 3;

/** Identity method of machines that sign in with a JWT. */
export const bearerMethod = 'bearer';

/**
 * What a verified token says of its holder. Null when it names nobody: no user name, or one that can't be such; and when a
 * group can't be told from others in a header. A name or e-mail address that is not plain text is left out.
 * The subject is the claim that the operator chose to tell holders apart, as it stands there.
 */
export function identityOfToken(
  payload: Claims,
  { issuer, claims, userPrefix }: Pick<BearerIssuerConfig, 'issuer' | 'claims' | 'userPrefix'>,
): Identity | null {
  const [subject = '', ...others] = valuesAt(payload, claims.user);
  const user = subject === '' || others.length > 0 ? null : canonicalUserName(userPrefix + subject);
  if (user === null || problemOfText(subject) !== undefined) return null;
  const groups = [...new Set(valuesAt(payload, claims.groups))];
  if (groups.some((group) => problemOfGroup(group) !== undefined)) return null;
  return {
    user,
    name: plainText(valuesAt(payload, claims.name)[0]),
    email: isUnverified(payload['email_verified']) ? '' : plainText(valuesAt(payload, claims.email)[0]),
    groups,
    claims: claimsOf(payload),
    method: bearerMethod,
    issuer,
    subject,
  };
}

/** True when a token has one of the wanted values for every required claim. */
export function hasClaims(payload: Claims, required: BearerIssuerConfig['requiredClaims']): boolean {
  return Object.entries(required).every(([path, wanted]) => {
    const values = valuesAt(payload, path);
    return wanted.some((value) => values.includes(value));
  });
}

/** Texts of a claim, by its whole name or by a path with dots; numbers and truth values as text. */
function valuesAt(payload: Claims, path: string): readonly string[] {
  if (Object.hasOwn(payload, path)) return textsOf(payload[path]);
  let value: unknown = payload;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return [];
    value = value[name];
  }
  return textsOf(value);
}

function textsOf(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((entry) => {
    if (typeof entry === 'string') return [entry];
    return typeof entry === 'boolean' || (typeof entry === 'number' && Number.isFinite(entry)) ? [String(entry)] : [];
  });
}

/** Claims for rules and header templates, those within others by their path. */
function claimsOf(payload: Claims): Identity['claims'] {
  const found: [string, readonly string[]][] = [];
  const walk = (value: Claims, prefix: string, depth: number): void => {
    for (const [name, entry] of Object.entries(value)) {
      if (found.length >= maxClaims || (depth === 0 && technicalClaims.has(name))) continue;
      if (isObject(entry)) {
        if (depth + 1 < maxClaimDepth) walk(entry, `${prefix}${name}.`, depth + 1);
        continue;
      }
      const texts = textsOf(entry).filter((text) => problemOfText(text) === undefined);
      if (texts.length > 0) found.push([prefix + name, texts]);
    }
  };
  walk(payload, '', 0);
  return Object.fromEntries(found);
}

/** Machines often have none of this; whoever says something must say yes. */
function isUnverified(verified: unknown): boolean {
  return verified !== undefined && verified !== true && verified !== 'true';
}

function plainText(text: string | undefined): string {
  return text === undefined || problemOfText(text) !== undefined ? '' : text;
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
