import type { RequestFacts } from '../request/facts.ts';

/** What the browser says about where a request came from. */
export type RequestOrigin =
  /** A page of this very origin. */
  | 'same-origin'
  /** The person's own doing: typed, bookmarked. */
  | 'user'
  /** Another site, a sibling host, or a sandboxed page. */
  | 'foreign'
  /** The request does not say (old browsers, programs). */
  | 'unknown';

/**
 * Reads where a request comes from: `Sec-Fetch-Site` (Fetch Metadata, W3C), else `Origin` (RFC 6454), else `Referer`.
 * When two of them disagree, the less trusting one counts.
 */
export function readOrigin(facts: RequestFacts): RequestOrigin {
  const origin = facts.header('origin');
  if (origin !== undefined && origin.toLowerCase() !== facts.origin) return 'foreign';
  const site = facts.header('sec-fetch-site');
  if (site === 'none') return 'user';
  if (site !== undefined) return site === 'same-origin' ? 'same-origin' : 'foreign';
  if (origin !== undefined) return 'same-origin';
  const referer = facts.header('referer');
  if (referer === undefined) return 'unknown';
  return URL.parse(referer)?.origin === facts.origin ? 'same-origin' : 'foreign';
}
