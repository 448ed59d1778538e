import type { RequestFacts } from '../request/facts.ts';
import type { Route } from '../route/table.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';

/** What changes between how a visitor and an upstream call the same thing: paths below a prefix, schemes and hosts. */

type RoutePlace = Pick<Route, 'path' | 'stripPath' | 'preserveHost'>;
/** The target that has the request, or gave the answer. */
type TargetPlace = Pick<UpstreamTarget, 'origin'>;
type RequestPlace = Pick<RequestFacts, 'rawPath' | 'rawQuery' | 'origin' | 'authority' | 'scheme'>;

/** Request target for the upstream: byte for byte, less the route's prefix with `stripPath`. */
export function upstreamTarget(facts: RequestPlace, route: RoutePlace): string {
  return (route.stripPath ? withoutPrefix(facts.rawPath, route.path) : facts.rawPath) + facts.rawQuery;
}

/** `host[:port]` of a target. */
export function upstreamAuthority({ origin }: TargetPlace): string {
  return origin.slice(origin.indexOf('//') + 2);
}

/**
 * Takes the prefix away by counting segments, as the raw path may spell them with escapes. Slashes that then stand first
 * become one: `//x` would be read as a host. The rules have judged that reading too.
 */
function withoutPrefix(rawPath: string, prefix: string): string {
  if (prefix === '/') return rawPath;
  let start = 0;
  for (const character of prefix) {
    if (character === '/' && start !== -1) start = rawPath.indexOf('/', start + 1);
  }
  return start === -1 ? '/' : `/${rawPath.slice(start).replace(/^\/+/, '')}`;
}

/** Puts the route's prefix before a path of the upstream, unless the app did so already. */
function withPrefix(path: string, prefix: string): string {
  return isBelow(path, prefix) ? path : prefix + path;
}

const absoluteUrl = /^(https?:)?\/\/([^/?#]*)(.*)$/i;

/**
 * `Destination` of a WebDAV COPY or MOVE as the upstream must read it: its own scheme (servers compare it), its host with
 * `preserveHost: false`, and the path below the route's prefix with `stripPath`. A destination on another host stays. Null where
 * `stripPath` takes a prefix away that this one lacks: the rules have judged another path than the upstream would read.
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
  if (route.stripPath && route.path !== '/' && (isElsewhere || !isBelow(path, route.path))) return null;
  if (isElsewhere || (!match && !value.startsWith('/'))) return value;
  const below = route.stripPath ? withoutPrefix(path, route.path) : path;
  if (!match) return below;
  const scheme = target.origin.slice(0, target.origin.indexOf(':'));
  return `${scheme}://${route.preserveHost ? (match[2] ?? '') : upstreamAuthority(target)}${below}`;
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || (path.startsWith(prefix) && /^($|[/?#])/.test(path.slice(prefix.length)));
}

/**
 * A URL in an upstream's answer (`Location`, `Content-Location`) as the visitor must read it. Touched are the upstream's
 * own origin, exactly, and with `stripPath` paths on our host; everything else stays byte for byte.
 */
export function fitUrl(value: string, facts: RequestPlace, route: RoutePlace, target: TargetPlace): string {
  const prefix = route.stripPath ? route.path : '/';
  if (value.startsWith('/') && !value.startsWith('//')) return withPrefix(value, prefix);
  const match = absoluteUrl.exec(value);
  if (!match) return value;
  const scheme = match[1]?.toLowerCase();
  const authority = (match[2] ?? '').toLowerCase();
  const rest = /^[?#]?$/.test(match[3]?.charAt(0) ?? '') ? `/${match[3] ?? ''}` : (match[3] ?? '');
  const upstream = target.origin;
  if (isSameOrigin(scheme, authority, upstream)) return facts.origin + withPrefix(rest, prefix);
  const seenByApp = `${upstream.slice(0, upstream.indexOf(':'))}://${facts.authority.toLowerCase()}`;
  const isOurs = isSameOrigin(scheme, authority, facts.origin) || isSameOrigin(scheme, authority, seenByApp);
  return isOurs && prefix !== '/' ? facts.origin + withPrefix(rest, prefix) : value;
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
 * A `Set-Cookie` of the app: `Path` goes below the route's prefix with `stripPath`, a `Domain` that is the upstream's own
 * host name goes away with `preserveHost: false` (the visitor's browser would refuse the cookie).
 */
export function fitCookie(value: string, route: RoutePlace, target: TargetPlace): string {
  if (!route.stripPath && route.preserveHost) return value;
  const prefix = route.stripPath ? route.path : '/';
  const upstreamHost = upstreamAuthority(target).replace(/:\d+$/, '');
  const [pair = '', ...attributes] = value.split(';');
  const fitted = attributes.flatMap((attribute) => {
    const match = /^(\s*(path|domain)\s*=\s*)(.*?)\s*$/i.exec(attribute);
    const text = match?.[3] ?? '';
    if (match?.[2]?.toLowerCase() === 'path' && text.startsWith('/')) {
      const below = text === '/' ? prefix : withPrefix(text, prefix);
      return [(match[1] ?? '') + below];
    }
    const isUpstream = !route.preserveHost && text.toLowerCase().replace(/^\./, '') === upstreamHost;
    return match?.[2]?.toLowerCase() === 'domain' && isUpstream ? [] : [attribute];
  });
  return [pair, ...fitted].join(';');
}
