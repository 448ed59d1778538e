import { trustedHeaderNames } from '../authentication/trusted-header/config.ts';
import { compileHeaderSet } from '../identity/header-sets.ts';
import { createReservedHeaders } from '../identity/headers.ts';
import { hasCode } from '../errors.ts';
import { canonicalPrefix } from '../request/path.ts';
import { routeHost } from '../route/config.ts';
import { readAuthorities, readPair } from '../upstream/secure.ts';
import type { ConfigPath } from './config-path.ts';
import type { Complain } from './cross-checks.ts';
import type { Config } from './schema.ts';

type RouteConfig = Config['routes'][number];

/** What a route does with a request: exactly one thing, and nothing said about it that would have no effect. */
export function checkWhatRoutesDo({ routes, identity, signIn }: Config, complain: Complain): void {
  const reserved = createReservedHeaders([
    ...routes.map((route) => compileHeaderSet(route.identity.headers ?? identity.headers)),
    ...(signIn.trustedHeader === undefined ? [] : [{ names: trustedHeaderNames(signIn.trustedHeader) }]),
  ]);
  for (const [index, route] of routes.entries()) {
    const say: Complain = (path, message) => complain(['routes', index, ...path], message);
    const deeds = deedKeys.filter((key) => route[key] !== undefined);
    if (deeds.length === 0) say([], 'is missing one of upstream, redirect and respond');
    for (const deed of deeds.slice(1))
      say([deed], `stands beside ${deeds[0] ?? ''}; a route does one of these, so take one away`);
    if (route.upstream === undefined) checkOwnAnswer(route, say);
    checkUpstreamPath(route, say);
    checkUpstreamTls(route, say);
    checkHeaderChanges(route, (name) => reserved.isReserved(name), say);
    if (deeds.length === 1) checkLoop(routes, index, say);
  }
}

const deedKeys = ['upstream', 'redirect', 'respond'] as const;

function checkOwnAnswer(route: RouteConfig, say: Complain): void {
  if (route.redirect === undefined && route.respond === undefined) return;
  const idle: readonly (readonly [key: string, isSet: boolean])[] = [
    ['stripPath', route.stripPath],
    ['upstreamPath', route.upstreamPath !== undefined],
    ['preserveHost', !route.preserveHost],
    ['requestHeaders', route.requestHeaders !== undefined],
    ['maxBodySize', route.maxBodySize !== undefined],
    ['identity', Object.values(route.identity).some((value) => value !== undefined)],
    ['allowedOrigins', route.allowedOrigins.length > 0],
  ];
  for (const [key, isSet] of idle) if (isSet) say([key], 'has no effect without an upstream; take it away');
}

function checkUpstreamPath({ stripPath, upstreamPath }: RouteConfig, say: Complain): void {
  if (upstreamPath === undefined) return;
  if (stripPath) say(['upstreamPath'], 'stands beside stripPath, which is the same as upstreamPath: /; take one away');
  if (canonicalPrefix(upstreamPath) === null)
    say(['upstreamPath'], 'can never be the start of a path in the app; write a plain path such as /apps/wiki');
}

/** The files are read now, so that `check` tells of them and a reload takes all or nothing. */
function checkUpstreamTls({ upstream }: RouteConfig, say: Complain): void {
  const { ca, cert, key } = upstream?.tls ?? {};
  const attempt = (at: string, read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!hasCode(error, 'config-invalid')) throw error;
      say(['upstream', 'tls', at], `does not serve: ${error.message}`);
    }
  };
  if (ca !== undefined) attempt('ca', () => readAuthorities(ca));
  if (cert !== undefined && key !== undefined) attempt('cert', () => readPair(cert, key));
}

/** A proxy in front of an app that is told less than the truth is one thing; an app that believes a fixed user is another. */
function checkHeaderChanges(route: RouteConfig, isReserved: (lowerName: string) => boolean, say: Complain): void {
  const { requestHeaders, responseHeaders } = route;
  const ours = 'is one that the gateway alone sets, and takes from every visitor; ';
  const check = (name: string, path: ConfigPath): void => {
    if (isReserved(name.toLowerCase())) say(path, `${ours}identity headers are chosen under identity.headers`);
  };
  for (const name of Object.keys(requestHeaders?.set ?? {}))
    // Made by nobody here, dropped when a visitor sends it, and wanted by apps that live below a prefix.
    if (name.toLowerCase() !== 'x-forwarded-prefix') check(name, ['requestHeaders', 'set', name]);
  for (const [index, name] of (requestHeaders?.remove ?? []).entries())
    check(name, ['requestHeaders', 'remove', index]);
  const setsAuthorization = Object.keys(requestHeaders?.set ?? {}).some((name) => /^authorization$/i.test(name));
  const { accessToken, basicAuth } = route.identity;
  if (accessToken === 'authorization' && (setsAuthorization || basicAuth !== undefined))
    say(['identity', 'accessToken'], 'stands beside another Authorization for the app; take one away');
  if (setsAuthorization && route.identity.basicAuth !== undefined)
    say(['identity', 'basicAuth'], 'stands beside requestHeaders.set.Authorization; take one away');
  const answered = [
    ...Object.keys(responseHeaders?.set ?? {}).map((name) => ({ name, path: ['responseHeaders', 'set', name] })),
    ...(responseHeaders?.remove ?? []).map((name, index) => ({ name, path: ['responseHeaders', 'remove', index] })),
  ];
  for (const { name, path } of answered)
    if (/^sallyport(-|$)/i.test(name)) say(path, "is a name of the gateway's own; write another");
}

/** A redirect that comes back to its own route never ends. */
function checkLoop(routes: Config['routes'], index: number, say: Complain): void {
  const route = routes[index];
  const target = route?.redirect?.to;
  if (route === undefined || target === undefined || !target.startsWith('/')) return;
  const path = target.replace(/[?#].*$/s, '');
  const host = routeHost(route.host);
  const prefixOf = (other: RouteConfig): string => canonicalPrefix(other.path) ?? other.path;
  const rivals = routes.filter((other) => routeHost(other.host) === host && isBelow(path, prefixOf(other)));
  const longest = rivals.reduce<RouteConfig | null>(
    (best, other) => (best === null || prefixOf(other).length > prefixOf(best).length ? other : best),
    null,
  );
  if (longest === route)
    say(['redirect'], 'leads back to this route, for ever; write a place that another route serves');
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}
