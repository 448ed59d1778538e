import type { IdentityCriterion } from '../criterion.ts';

/**
 * An address in the form in which rules compare it: ASCII letters in lower case. Null unless it has exactly one `@`, no
 * quotes, blanks or control characters, and a plain ASCII domain: what two parsers could split differently is no address.
 */
export function canonicalEmail(text: string): string | null {
  return /^[^\s"(),:;<>@[\\\]\p{C}]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/u.test(text) && text.length <= 254
    ? lowerAscii(text)
    : null;
}

/** Not `toLowerCase`, which makes a plain `k` of the Kelvin sign. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** `emails: [alice@example.com]`: whole addresses, without regard to case. */
export function emailCriterion(emails: readonly string[]): IdentityCriterion {
  const addresses = new Set(emails.map((email) => canonicalEmail(email)).filter((email) => email !== null));
  return {
    wants: `emails ${emails.join(', ')}`,
    fits: (identity) => {
      const email = canonicalEmail(identity.email);
      return email !== null && addresses.has(email);
    },
    sees: (identity) => (identity.email === '' ? 'no email' : `email ${identity.email}`),
  };
}
