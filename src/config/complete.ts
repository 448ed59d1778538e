import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import type { UpstreamTls } from '../route/upstream/tls/config.ts';
import type { ListenEntry } from '../server/config.ts';
import { defaultUsersFile, namesOtherMethod } from '../sign-in/config.ts';
import { isLoopbackHttp, type OidcProviderConfig } from '../sign-in/oidc/config.ts';
import { completeOAuth } from './oauth-checks.ts';
import type { Config, configSchema } from './schema.ts';

type Parsed = z.output<typeof configSchema>;
type Route = Parsed['routes'][number];

/** Fills in what depends on other values and makes every path absolute, starting from `directory`. */
export function completeConfig(parsed: Parsed, directory: string): Config {
  const absolute = (path: string): string => resolve(directory, path);
  const absoluteAddress = (entry: ListenEntry): ListenEntry =>
    entry.kind === 'unix' ? { ...entry, path: absolute(entry.path) } : entry;
  const listen = parsed.server.listen.map(absoluteAddress);
  const { tls, redirectHttp } = parsed.server;
  const { logo, css, ...theme } = parsed.theme;
  const ids = routeIds(parsed.routes);
  return {
    ...parsed,
    server: {
      ...parsed.server,
      listen,
      ...(redirectHttp === undefined ? {} : { redirectHttp: absoluteAddress(redirectHttp) }),
      publicUrl: parsed.server.publicUrl ?? defaultPublicUrl(listen, tls !== undefined) ?? '',
      tls: tls && {
        ...tls,
        certificates: tls.certificates.map(({ cert, key }) => ({ cert: absolute(cert), key: absolute(key) })),
        ...(tls.clientCa === undefined ? {} : { clientCa: absolute(tls.clientCa) }),
      },
    },
    admin: { listen: parsed.admin.listen.replace(/^unix:(.*)$/s, (_, path: string) => `unix:${absolute(path)}`) },
    store: {
      ...parsed.store,
      url: parsed.store.url.replace(/^sqlite:(.*)$/s, (_, path: string) => `sqlite:${absolute(path)}`),
    },
    bearer: parsed.bearer.map(({ jwksFile, ...issuer }) =>
      jwksFile === undefined ? issuer : { ...issuer, jwksFile: absolute(jwksFile) },
    ),
    signIn: {
      ...parsed.signIn,
      local: completeLocal(parsed.signIn, absolute),
      ldap: completeLdap(parsed.signIn.ldap, absolute),
      oidc: parsed.signIn.oidc.map((provider) => completeOidc(provider, absolute)),
      ...completeOAuth(parsed.signIn, absolute),
    },
    theme: {
      ...theme,
      ...(logo === undefined ? {} : { logo: absolute(logo) }),
      ...(css === undefined ? {} : { css: absolute(css) }),
    },
    routes: parsed.routes.map((route, index) => ({
      ...route,
      id: ids[index] ?? '',
      ...(route.upstream === undefined ? {} : { upstream: completeUpstream(route.upstream, absolute) }),
    })),
  };
}

function completeUpstream(upstream: Upstream, absolute: (path: string) => string): Upstream {
  const complete = (target: UpstreamTarget): UpstreamTarget =>
    target.socketPath === null ? target : { ...target, socketPath: absolute(target.socketPath) };
  const [first, ...others] = upstream.targets;
  const { tls } = upstream;
  return {
    ...upstream,
    targets: [complete(first), ...others.map(complete)],
    ...(tls === undefined ? {} : { tls: completeTls(tls, absolute) }),
  };
}

function completeTls({ ca, cert, key, ...rest }: UpstreamTls, absolute: (path: string) => string): UpstreamTls {
  return {
    ...rest,
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
    ...(cert === undefined ? {} : { cert: absolute(cert) }),
    ...(key === undefined ? {} : { key: absolute(key) }),
  };
}

/** The local users are there when they are named, or nobody else is. */
function completeLocal(signIn: Parsed['signIn'], absolute: (path: string) => string): Config['signIn']['local'] {
  if (signIn.local !== undefined) return { users: absolute(signIn.local.users) };
  return namesOtherMethod(signIn) ? null : { users: absolute(defaultUsersFile) };
}

function completeLdap(ldap: Parsed['signIn']['ldap'], absolute: (path: string) => string): Config['signIn']['ldap'] {
  if (ldap?.tls.ca === undefined) return ldap;
  return { ...ldap, tls: { ...ldap.tls, ca: absolute(ldap.tls.ca) } };
}

/** `http://localhost:PORT` of the first TCP address, `https:` where TLS is spoken there; undefined when there are only unix sockets. */
export function defaultPublicUrl(listen: readonly ListenEntry[], hasTls = false): string | undefined {
  const first = listen.find((entry) => entry.kind === 'tcp');
  const scheme = hasTls && first?.tls !== false ? 'https' : 'http';
  return first && new URL(`${scheme}://localhost:${first.port}`).origin;
}

/** A provider on this very machine needs no word about plain http: nobody stands between. */
function completeOidc(provider: OidcProviderConfig, absolute: (path: string) => string): OidcProviderConfig {
  const { ca, clientKey, issuer } = provider;
  return {
    ...provider,
    ...(ca === undefined ? {} : { ca: absolute(ca) }),
    ...(clientKey === undefined ? {} : { clientKey: absolute(clientKey) }),
    insecureHttp: provider.insecureHttp || isLoopbackHttp(issuer),
  };
}

/** Ids as written, or made from host and path; a made one that is taken gets a number behind it. */
function routeIds(routes: readonly Route[]): readonly string[] {
  const taken = new Set(routes.flatMap((route) => route.id ?? []));
  return routes.map((route) => {
    if (route.id !== undefined) return route.id;
    const slug = slugOf(route);
    let id = slug;
    for (let number = 2; taken.has(id); number += 1) id = `${slug}-${number}`;
    taken.add(id);
    return id;
  });
}

function slugOf(route: Route): string {
  const slug = `${route.host ?? ''}${route.path}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return slug === '' ? 'default' : slug.slice(0, 56);
}

/** Freezes a value and everything in it; the value is our own and holds no cycles. */
export function freezeDeeply<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const entry of Object.values(value)) freezeDeeply(entry);
  }
  return value;
}
