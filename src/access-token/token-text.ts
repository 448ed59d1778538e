import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Runtime } from '../runtime.ts';

/**
 * A token as its owner has it: `slp_`, 43 characters for 256 random bits, and 6 that check what stands before them; letters and
 * digits, so that a double click takes all of it. Prefix and checksum let scanners find a token that leaked, and us
 * refuse a mistyped one without asking the store.
 */
const prefix = 'slp_';
const secretLength = 43;
const checkLength = 6;
const secretBytes = 32;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const pattern = new RegExp(`^${prefix}[0-9A-Za-z]{${secretLength + checkLength}}$`);
const anywhere = new RegExp(`${prefix}[0-9A-Za-z]{${secretLength + checkLength}}`);

/** Makes a new token. */
export function newTokenText(randomBytes: Runtime['randomBytes']): string {
  const secret = base62(BigInt(`0x${randomBytes(secretBytes).toString('hex')}`), secretLength);
  return prefix + secret + checksum(prefix + secret);
}

/** True for what wants to be a token of ours, good or not. */
export function isTokenLike(text: string): boolean {
  return text.startsWith(prefix);
}

/** True when a token stands somewhere in a text. */
export function holdsToken(text: string): boolean {
  return anywhere.test(text);
}

/** The id that belongs to a token: base64url(SHA-256), 43 characters. Null when form or checksum are not right. */
export function idOfTokenText(text: string): string | null {
  if (!pattern.test(text)) return null;
  const body = text.slice(0, -checkLength);
  if (checksum(body) !== text.slice(-checkLength)) return null;
  return createHash('sha256').update(text).digest('base64url');
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), checkLength);
}

function base62(number: bigint, length: number): string {
  const digits: string[] = [];
  for (let rest = number; rest > 0n; rest /= 62n) digits.push(alphabet[Number(rest % 62n)] ?? '');
  return digits.reverse().join('').padStart(length, '0');
}
