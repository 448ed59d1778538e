import type { RefusalReason } from '../../method.ts';
import { textOf } from './entry.ts';
import type { LdapEntry, LdapResult } from './messages.ts';

/** Attributes that tell whether an account is still good; asked for by name, as most of them are operational. */
export const stateAttributes = [
  'userAccountControl',
  'msDS-User-Account-Control-Computed',
  'accountExpires',
  'shadowExpire',
  'pwdAccountLockedTime',
  'nsAccountLock',
  'krbPrincipalExpiration',
] as const;

/** Attributes that change with the password. */
export const passwordAttributes = ['pwdLastSet', 'pwdChangedTime', 'krbLastPwdChange', 'shadowLastChange'] as const;

const accountDisable = 0x2;
/** 100 ns since 1601; both of these stand for "never" (MS-ADA1 §2.3). */
const neverExpires = [0n, 0x7fff_ffff_ffff_ffffn];
const from1601To1970Ms = 11_644_473_600_000n;
const dayMs = 86_400_000;

/**
 * Whether an administrator closed the account, or its time is over; null when it is good. A lock for too many wrong passwords is
 * none of this: it stands in the way of a sign-in (the bind says so), and must not end a session.
 */
export function closedBecause(entry: LdapEntry, nowMs: number): 'user-disabled' | 'user-expired' | null {
  for (const attribute of ['userAccountControl', 'msDS-User-Account-Control-Computed'])
    if ((Number(textOf(entry, attribute) ?? 0) & accountDisable) !== 0) return 'user-disabled';
  if (textOf(entry, 'nsAccountLock')?.toLowerCase() === 'true') return 'user-disabled';
  // Locked by an administrator until one unlocks it (draft-behera-ldap-password-policy §5.3.3).
  if (textOf(entry, 'pwdAccountLockedTime')?.startsWith('000001010000') === true) return 'user-disabled';
  const ends = [
    readFileTimeMs(textOf(entry, 'accountExpires')),
    readShadowExpireMs(textOf(entry, 'shadowExpire')),
    readGeneralizedTimeMs(textOf(entry, 'krbPrincipalExpiration')),
  ];
  return ends.some((endsAtMs) => endsAtMs !== null && endsAtMs <= nowMs) ? 'user-expired' : null;
}

/** A text that changes when the password does; empty where the directory does not tell. */
export function passwordMark(entry: LdapEntry): string {
  return passwordAttributes.flatMap((attribute) => textOf(entry, attribute) ?? []).join(' ');
}

/** What the result of a bind with the person's password means; null: the password is right. `broken`: it says nothing about it. */
export function refusedBecause({ code, diagnostic, policyError }: LdapResult): RefusalReason | 'broken' | null {
  // A password that must be changed first (error 2) opens nothing but the change of it.
  if (code === 0) return policyError === changeAfterReset ? 'password-expired' : null;
  if (code === 49) return reasonOfActiveDirectory(diagnostic) ?? reasonOfPolicy(policyError) ?? 'wrong-password';
  return refusingCodes.has(code) ? 'wrong-password' : 'broken';
}

const changeAfterReset = 2;
/** constraintViolation, noSuchObject, invalidDNSyntax, inappropriateAuthentication, insufficientAccessRights, unwillingToPerform. */
const refusingCodes: ReadonlySet<number> = new Set([19, 32, 34, 48, 50, 53]);

/** `80090308: LdapErr: …, comment: AcceptSecurityContext error, data 533, v1db1`: a Windows error in hex. */
function reasonOfActiveDirectory(diagnostic: string): RefusalReason | null {
  switch (/\bdata ([0-9a-f]{1,8})\b/i.exec(diagnostic)?.[1]?.toLowerCase()) {
    case '533':
      return 'user-disabled';
    case '701':
      return 'user-expired';
    case '532':
    case '773':
      return 'password-expired';
    case '775':
      return 'user-locked';
    case '525':
      return 'unknown-user';
    default:
      return null;
  }
}

function reasonOfPolicy(error: number | null): RefusalReason | null {
  if (error === 0 || error === changeAfterReset) return 'password-expired';
  return error === 1 ? 'user-locked' : null;
}

function readFileTimeMs(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,19}$/.test(text)) return null;
  const ticks = BigInt(text);
  return neverExpires.includes(ticks) ? null : Number(ticks / 10_000n - from1601To1970Ms);
}

/** Days since 1970; -1 for never (shadow(5)). */
function readShadowExpireMs(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) * dayMs : null;
}

/** `20261231235959Z` (RFC 4517 §3.3.13); fractions of a second don't matter here. */
function readGeneralizedTimeMs(text: string | undefined): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?Z$/.exec(text ?? '');
  if (match === null) return null;
  const [, year, month, day, hour, minute, second = '00'] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? null : time;
}
