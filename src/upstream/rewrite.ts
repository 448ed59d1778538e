import type { RequestFacts } from '../request/facts.ts';
import { rawPathBelow } from '../request/path.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';
import type { ForwardingRoute } from '../route/table.ts';

/** What changes between how a visitor and an upstream call the same thing: paths below a prefix, schemes and hosts. */

type RoutePlace = Pick<ForwardingRoute, 'path' | 'upstreamPath' | 'preserveHost'>;
/** The target that has the request, or gave the answer. */
type TargetPlace = Pick<UpstreamTarget, 'origin'>;
type RequestPlace = Pick<RequestFacts, 'rawPath' | 'rawQuery' | 'origin' | 'authority' | 'scheme'>;

/** Request target for the upstream: byte for byte, with the upstream's prefix in place of the route's. */
export function upstreamTarget(facts: RequestPlace, route: RoutePlace): string {
  const { upstreamPath } = route;
  if (upstreamPath === null) return facts.rawPath + facts.rawQuery;
  return toUpstream(facts.rawPath, route.path, upstreamPath) + facts.rawQuery;
}

/** `host[:port]` of a target. */
export function upstreamAuthority({ origin }: TargetPlace): string {
  return origin.slice(origin.indexOf('//') + 2);
}

function toUpstream(rawPath: string, prefix: string, upstreamPath: string): string {
  const below = rawPathBelow(rawPath, prefix);
  return upstreamPath === '/' ? below || '/' : upstreamPath + below;
}

/**
 * The visitor's name for a path of the upstream. What is not below the upstream's prefix can't be reached by this route and
 * stays; so does what the app has put below the route's prefix by itself.
 */
function toVisitor(path: string, { path: prefix, upstreamPath }: RoutePlace): string {
  if (upstreamPath === null || !isBelow(path, upstreamPath)) return path;
  // With `/a` for `/a/b`, `/a/b/x` is the upstream's own path, not one that the app made for the visitor.
  if (isBelow(path, prefix) && !isBelow(upstreamPath, prefix)) return path;
  const below = upstreamPath === '/' ? path : path.slice(upstreamPath.length);
  if (prefix === '/') return below.startsWith('/') ? below : `/${below}`;
  return prefix + below;
}

const absoluteUrl = /^(https?:)?\/\/([^/?#]*)(.*)$/i;

/**
 * `Destination` of a WebDAV COPY or MOVE as the upstream must read it: its own scheme (servers compare it), its host with
 * `preserveHost: false`, and the path below the upstream's prefix. A destination on another host stays. Null where prefixes
 * are exchanged and this one lacks the route's: the rules have judged another path than the upstream would read.
 */
export function fitDestination(
  value: string,
  facts: RequestPlace,
  route: RoutePlace,
  target: TargetPlace,
): string | null {
  const match = absoluteUrl.exec(value);
  const path = match?.[3] ?? value;
  const isElsewhere = match !== null && match[2]?.toLowerCase() !== facts.authority.toLowerCase();
  if (route.upstreamPath !== null && (isElsewhere || !isBelow(path, route.path))) return null;
  if (isElsewhere || (!match && !value.startsWith('/'))) return value;
  const fitted = route.upstreamPath === null ? path : toUpstream(path, route.path, route.upstreamPath);
  if (!match) return fitted;
  const scheme = target.origin.slice(0, target.origin.indexOf(':'));
  return `${scheme}://${route.preserveHost ? (match[2] ?? '') : upstreamAuthority(target)}${fitted}`;
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || (path.startsWith(prefix) && /^($|[/?#])/.test(path.slice(prefix.length)));
}

/**
 * A URL in an upstream's answer (`Location`, `Content-Location`) as the visitor must read it. Touched are the upstream's
 * own origin, exactly, and where prefixes are exchanged paths on our host; everything else stays byte for byte.
 */
export function fitUrl(value: string, facts: RequestPlace, route: RoutePlace, target: TargetPlace): string {
  if (value.startsWith('/') && !value.startsWith('//')) return toVisitor(value, route);
  const match = absoluteUrl.exec(value);
  if (!match) return value;
  const scheme = match[1]?.toLowerCase();
  const authority = (match[2] ?? '').toLowerCase();
  const rest = /^[?#]?$/.test(match[3]?.charAt(0) ?? '') ? `/${match[3] ?? ''}` : (match[3] ?? '');
  if (isSameOrigin(scheme, authority, target.origin)) return facts.origin + toVisitor(rest, route);
  if (route.upstreamPath === null) return value;
  const seenByApp = `${target.origin.slice(0, target.origin.indexOf(':'))}://${facts.authority.toLowerCase()}`;
  const isOurs = isSameOrigin(scheme, authority, facts.origin) || isSameOrigin(scheme, authority, seenByApp);
  return isOurs ? facts.origin + toVisitor(rest, route) : value;
}

/** Without a scheme (`//host/x`) the host alone must fit. */
function isSameOrigin(scheme: string | undefined, authority: string, origin: string): boolean {
  const cut = origin.indexOf('//');
  const originScheme = origin.slice(0, cut);
  if (scheme !== undefined && scheme !== originScheme) return false;
  return withoutDefaultPort(authority, originScheme) === withoutDefaultPort(origin.slice(cut + 2), originScheme);
}

function withoutDefaultPort(authority: string, scheme: string): string {
  const port = scheme === 'https:' ? ':443' : ':80';
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}

/** `Refresh: 5; url=…` with its URL fitted as in `Location`. */
export function fitRefresh(value: string, facts: RequestPlace, route: RoutePlace, target: TargetPlace): string {
  const match = /^([^;,]*[;,]\s*url\s*=\s*["']?)([^"']*)(["']?.*)$/i.exec(value);
  if (!match) return value;
  return `${match[1] ?? ''}${fitUrl(match[2] ?? '', facts, route, target)}${match[3] ?? ''}`;
}

/**
 * A `Set-Cookie` of the app: `Path` goes below the route's prefix where prefixes are exchanged, a `Domain` that is the
 * upstream's own host name goes away with `preserveHost: false` (the visitor's browser would refuse the cookie).
 */
export function fitCookie(value: string, route: RoutePlace, target: TargetPlace): string {
  if (route.upstreamPath === null && route.preserveHost) return value;
  const upstreamHost = upstreamAuthority(target).replace(/:\d+$/, '');
  const [pair = '', ...attributes] = value.split(';');
  const fitted = attributes.flatMap((attribute) => {
    const match = /^(\s*(path|domain)\s*=\s*)(.*?)\s*$/i.exec(attribute);
    const text = match?.[3] ?? '';
    if (match?.[2]?.toLowerCase() === 'path' && text.startsWith('/'))
      return [isHostPrefixed(pair) ? attribute : (match[1] ?? '') + cookiePath(text, route)];
    const isUpstream = !route.preserveHost && text.toLowerCase().replace(/^\./, '') === upstreamHost;
    return match?.[2]?.toLowerCase() === 'domain' && isUpstream ? [] : [attribute];
  });
  return [pair, ...fitted].join(';');
}

/** Browsers take a `__Host-` cookie with `Path=/` only (RFC 6265bis §4.1.3.2). */
function isHostPrefixed(pair: string): boolean {
  return /^\s*__host-/i.test(pair);
}

/** A cookie for all of the upstream's prefix, or for more, is one for all of the route's. */
function cookiePath(path: string, route: RoutePlace): string {
  const { upstreamPath } = route;
  if (upstreamPath === null) return path;
  const whole = path !== '/' && path.endsWith('/') ? path.slice(0, -1) : path;
  return whole !== route.path && isBelow(upstreamPath, whole) ? route.path : toVisitor(path, route);
}
