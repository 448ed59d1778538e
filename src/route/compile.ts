import { GatewayError } from '../errors.ts';
import type { AssertionWriter } from '../identity/assertion.ts';
import type { HeaderSet } from '../identity/header-sets.ts';
import type { Policy } from '../policy/policy.ts';
import { canonicalPrefix } from '../request/path.ts';
import { routeHost, type RouteConfig } from './config.ts';
import { compileHeaderChanges } from './headers/changes.ts';
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
    const common = {
      id: config.id,
      title: config.title ?? config.id,
      host,
      path,
      encodedSlashes: config.encodedSlashes,
      acceptBasic: config.acceptBasic,
      acceptTokens: config.acceptTokens,
      allowedOrigins: new Set(config.allowedOrigins),
      clearCookies: Object.freeze([...config.signOut.clearCookies]),
      policy: parts.policyOf(config),
      headers: parts.headersOf(config),
      basicAuth: parts.basicAuthOf(config),
      accessToken: config.identity.accessToken === 'off' ? null : (config.identity.accessToken ?? null),
      responseHeaders: compileHeaderChanges(config.responseHeaders),
      ...(assertion === null ? {} : { assertion }),
    };
    const answer = config.redirect ?? config.respond;
    if (answer !== undefined) return Object.freeze({ ...common, answer });
    if (config.upstream === undefined)
      throw new GatewayError('config-invalid', `could not find an upstream for route ${config.id}`);
    return Object.freeze({
      ...common,
      answer: null,
      upstream: config.upstream,
      upstreamPath: compileUpstreamPath(config, path),
      preserveHost: config.preserveHost,
      requestHeaders: compileHeaderChanges(config.requestHeaders),
      maxBodyBytes: config.maxBodySize ?? null,
    });
  });
}

/** Null where the upstream calls everything as the visitor does. */
function compileUpstreamPath({ stripPath, upstreamPath }: RouteConfig, path: string): string | null {
  const written = upstreamPath ?? (stripPath ? '/' : path);
  const prefix = canonicalPrefix(written);
  if (prefix === null) throw new GatewayError('config-invalid', `could not use ${written} as a path of an upstream`);
  return prefix === path ? null : prefix;
}
