import type { RequestFacts } from '../request/facts.ts';
import { sourceOf } from './same-origin.ts';

/** What a request for a sign-out deserves. */
export type SignOutPlan =
  /** End the browser's sessions and expire the cookies. */
  | { readonly kind: 'sign-out' }
  /** It may not be the person's own wish: show the page that asks first. */
  | { readonly kind: 'ask' }
  /** Another site's form. */
  | { readonly kind: 'forbidden' };

/**
 * Decides whether a request signs out. A GET does when the person followed a link on a page of the same host, or typed the
 * address: not an image, not a prefetch, not a link on another site. A POST does from our own page; where the browser does not
 * say where it comes from, the form token must tell (`hasFormToken`).
 */
export function planSignOut(facts: RequestFacts, hasFormToken: boolean): SignOutPlan {
  const source = sourceOf(facts);
  if (facts.method !== 'GET' && facts.method !== 'HEAD') {
    if (source === 'foreign') return { kind: 'forbidden' };
    return source === 'own' || hasFormToken ? { kind: 'sign-out' } : { kind: 'forbidden' };
  }
  const isOwn = source === 'own' || (source === 'unknown' && refererIsOwn(facts));
  return facts.method === 'GET' && isOwn && isNavigation(facts) ? { kind: 'sign-out' } : { kind: 'ask' };
}

/** Browsers leave `Sec-Fetch-*` out on plain http; then `Referer` is all there is, and its absence means asking. */
function refererIsOwn(facts: RequestFacts): boolean {
  const referer = facts.header('referer') ?? '';
  return URL.canParse(referer) && new URL(referer).origin === facts.origin;
}

function isNavigation(facts: RequestFacts): boolean {
  const mode = facts.header('sec-fetch-mode');
  const destination = facts.header('sec-fetch-dest');
  return (
    (mode === undefined || mode === 'navigate') &&
    (destination === undefined || destination === 'document') &&
    facts.header('sec-purpose') === undefined &&
    facts.header('purpose') === undefined
  );
}
