import { canonicalUserName } from '../identity/user-name.ts';

const minLength = 8;
const maxLength = 1_000;

/**
 * What is wrong with a new password, in words for the person; undefined when nothing is. Length counts and nothing else does:
 * no rules of composition (NIST SP 800-63B-4 §3.1.1).
 */
export function problemOfNewPassword(user: string, password: string): string | undefined {
  const length = [...password].length;
  if (length < minLength) return `the password is too short; use at least ${minLength} characters`;
  if (password.length > maxLength) return `the password is too long; use at most ${maxLength} characters`;
  if (canonicalUserName(password.trim()) === user) return 'the password is the user name; use another one';
  return undefined;
}
