import { isIP } from 'node:net';
import type { RequestFacts } from '../request/facts.ts';

/** What of a route matters here. */
export interface CookieRoute {
  /** Exact host, `*.example.com`, or null for every host. */
  readonly host: string | null;
  readonly path: string;
  readonly clearCookies: readonly string[];
}

/**
 * `Set-Cookie` values that expire the apps' own cookies on the host of a request: at sign-out, and when another user signs in on
 * the same browser. A cookie is told by name, path and domain, so the usual places are all expired: `/` and the route's path,
 * for this host alone and with `Domain`.
 */
export function expireAppCookies(
  routes: readonly CookieRoute[],
  facts: Pick<RequestFacts, 'host' | 'scheme'>,
): readonly string[] {
  const values = new Set<string>();
  for (const route of routes) {
    if (!matchesHost(route.host, facts.host)) continue;
    for (const name of route.clearCookies)
      for (const place of placesOf(name, route.path, facts.host)) values.add(expired(name, place, facts.scheme));
  }
  return [...values];
}

function placesOf(name: string, path: string, host: string): readonly string[] {
  // RFC 6265bis §4.1.3: with this prefix there is one place only.
  if (/^__host-/i.test(name)) return ['Path=/'];
  const paths = path === '/' ? ['Path=/'] : ['Path=/', `Path=${path}`];
  const hasDomains = host.includes('.') && isIP(host) === 0 && !host.startsWith('[');
  return hasDomains ? paths.flatMap((place) => [place, `${place}; Domain=${host}`]) : paths;
}

function expired(name: string, place: string, scheme: 'http' | 'https'): string {
  const secure = scheme === 'https' ? '; Secure' : '';
  return `${name}=; ${place}${secure}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
}

function matchesHost(pattern: string | null, host: string): boolean {
  if (pattern === null) return true;
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}
