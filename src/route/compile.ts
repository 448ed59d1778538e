import { GatewayError } from '../errors.ts';
import type { AssertionWriter } from '../identity/assertion.ts';
import type { HeaderSet } from '../identity/header-sets.ts';
import type { Policy } from '../policy/policy.ts';
import { canonicalPrefix } from '../request/path.ts';
import { routeHost, type RouteConfig } from './config.ts';
import type { Route } from './table.ts';

/** A route's configuration after loading, which gives every route an id. */
export type IdentifiedRouteConfig = RouteConfig & { readonly id: string };

/** What other rooms make of a route's configuration. */
export interface RouteParts {
  readonly policyOf: (config: IdentifiedRouteConfig) => Policy;
  readonly headersOf: (config: IdentifiedRouteConfig) => HeaderSet;
  readonly basicAuthOf: (config: IdentifiedRouteConfig) => Route['basicAuth'];
  /** Null where the app wants no assertion; left out where nothing is forwarded. */
  readonly assertionOf?: (config: IdentifiedRouteConfig) => AssertionWriter | null;
}

/** Compiles the `routes` of a checked configuration, in their order. Throws `config-invalid` for what the check refuses. */
export function compileRoutes(configs: readonly IdentifiedRouteConfig[], parts: RouteParts): readonly Route[] {
  return configs.map((config) => {
    const host = routeHost(config.host);
    const path = canonicalPrefix(config.path);
    if (path === null) throw new GatewayError('config-invalid', `could not use ${config.path} as the path of a route`);
    const assertion = parts.assertionOf?.(config) ?? null;
    return Object.freeze({
      id: config.id,
      title: config.title ?? config.id,
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
      ...(assertion === null ? {} : { assertion }),
    });
  });
}
