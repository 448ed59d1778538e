import type { RequestFacts } from '../request/facts.ts';

/** Longest `Authorization` value that is looked at: a name of 256 and a password of 1,000 characters fit in any script. */
const maxValueLength = 8_192;

export type BasicCredentials =
  /** No `Authorization`, or one of another scheme. */
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }
  /** As sent; the password may be empty. */
  | { readonly kind: 'credentials'; readonly user: string; readonly password: string };

/**
 * Reads `Authorization: Basic` (RFC 7617 §2, with charset UTF-8), strictly: one header, one reading. The scheme's case does not
 * count; everything behind it does.
 */
export function readBasicCredentials(facts: Pick<RequestFacts, 'headers'>): BasicCredentials {
  const values = facts.headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value);
  if (!values.some((value) => /^\s*basic(\s|$)/i.test(value))) return { kind: 'none' };
  const [value = ''] = values;
  if (values.length > 1 || value.length > maxValueLength) return { kind: 'malformed' };
  const match = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value);
  const encoded = match?.[1] ?? '';
  const bytes = Buffer.from(encoded, 'base64');
  const canonical = bytes.toString('base64');
  // Some clients leave the padding out; any other second spelling of the same bytes is refused.
  if (encoded === '' || (encoded !== canonical && encoded !== canonical.replace(/=+$/, '')))
    return { kind: 'malformed' };
  const text = decodeUtf8(bytes);
  const colon = text?.indexOf(':') ?? -1;
  if (text === null || colon === -1) return { kind: 'malformed' };
  return { kind: 'credentials', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
