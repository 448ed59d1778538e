import { readOrigin } from './same-origin.ts';
import type { RequestFacts } from '../request/facts.ts';

/** What a request for signing out deserves. */
export type SignOutIntent =
  /** It is the person's own doing: end the session. */
  | 'end'
  /** It may be another site's doing: show a page that asks. */
  | 'ask'
  /** A post from elsewhere: refuse. */
  | 'refuse';

/**
 * Judges a request for signing out. A plain link in the app (same-origin GET) and a typed address end the session; a GET
 * from elsewhere, or one that does not say, gets a page that asks first. A post must come from this origin or bear the form's token.
 */
export function judgeSignOut(facts: RequestFacts, hasGoodToken: boolean): SignOutIntent {
  const origin = readOrigin(facts);
  if (facts.method === 'POST') {
    if (origin === 'foreign') return 'refuse';
    return origin === 'same-origin' || hasGoodToken ? 'end' : 'refuse';
  }
  return (origin === 'same-origin' || origin === 'user') && facts.method === 'GET' ? 'end' : 'ask';
}

/** `Set-Cookie` values that expire an app's own cookies on this host, at the route's path and at the root. */
export function expireAppCookies(names: readonly string[], paths: readonly string[]): readonly string[] {
  const places = new Set(['/', ...paths]);
  return names.flatMap((name) =>
    [...places].map((path) => `${name}=; Path=${path}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`),
  );
}
