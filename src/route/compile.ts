import { GatewayError } from '../errors.ts';
import type { HeaderSet } from '../identity/header-sets.ts';
import type { Policy } from '../policy/policy.ts';
import { canonicalPrefix } from '../request/path.ts';
import { routeHost, type RouteConfig } from './config.ts';
import type { Route } from './table.ts';

/** What other rooms make of a route's configuration. */
export interface RouteParts {
  readonly policyOf: (config: RouteConfig) => Policy;
  readonly headersOf: (config: RouteConfig) => HeaderSet;
  readonly basicAuthOf: (config: RouteConfig) => Route['basicAuth'];
}

/** Compiles the `routes` of a checked configuration, in their order. Throws `config-invalid` for what the check refuses. */
export function compileRoutes(configs: readonly RouteConfig[], parts: RouteParts): readonly Route[] {
  const ids = new Set(configs.map(({ id }) => id).filter((id) => id !== undefined));
  return configs.map((config) => {
    const host = routeHost(config.host);
    const path = canonicalPrefix(config.path);
    if (path === null) throw new GatewayError('config-invalid', `could not use ${config.path} as the path of a route`);
    const id = config.id ?? freeId(host, path, ids);
    return Object.freeze({
      id,
      title: config.title ?? id,
      host,
      path,
      upstream: config.upstream,
      stripPath: config.stripPath,
      preserveHost: config.preserveHost,
      encodedSlashes: config.encodedSlashes,
      acceptBasic: config.acceptBasic,
      allowedOrigins: new Set(config.allowedOrigins),
      clearCookies: Object.freeze([...config.signOut.clearCookies]),
      policy: parts.policyOf(config),
      headers: parts.headersOf(config),
      basicAuth: parts.basicAuthOf(config),
    });
  });
}

/** A readable id made from host and path that no other route has: `wiki.example.com-docs`, `all`. */
function freeId(host: string | null, path: string, taken: Set<string>): string {
  const words = `${host?.replace('*.', 'any.') ?? 'all'}${path}`.replace(/[^A-Za-z0-9._-]+/g, '-');
  const base = words.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '').slice(0, 56);
  let id = base;
  for (let number = 2; taken.has(id); number += 1) id = `${base}-${String(number)}`;
  taken.add(id);
  return id;
}
