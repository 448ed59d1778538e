import type { RequestFacts } from '../request/facts.ts';

/** Where a request comes from, by the browser's own word, which no site can forge. */
export type RequestSource =
  /** A page of this very origin, or the person themself (address bar, bookmark). */
  | 'own'
  /** Another site, a sibling host, or a page without an origin. */
  | 'foreign'
  /** Neither `Origin` nor `Sec-Fetch-Site`: an old browser or a program. Only a form token tells. */
  | 'unknown';

/**
 * Judges a request that changes something. A sibling host (`same-site`) is as foreign as any: apps of other people live there.
 * `Origin: null` is foreign (sandboxed frames send it), so our pages must not have the policy `no-referrer`, which makes
 * browsers send it with our own forms.
 */
export function sourceOf(facts: RequestFacts): RequestSource {
  const origins = valuesOf(facts, 'origin');
  const sites = valuesOf(facts, 'sec-fetch-site');
  if (origins.some((origin) => origin !== facts.origin)) return 'foreign';
  if (sites.some((site) => site !== 'same-origin' && site !== 'none')) return 'foreign';
  return origins.length + sites.length > 0 ? 'own' : 'unknown';
}

function valuesOf(facts: RequestFacts, lowerCaseName: string): readonly string[] {
  return facts.headers.filter(([name]) => name.toLowerCase() === lowerCaseName).map(([, value]) => value.trim());
}
