import type { AssertionWriter } from '../identity/assertion.ts';
import type { HeaderSet } from '../identity/header-sets.ts';
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/policy.ts';
import type { CanonicalPath } from '../request/facts.ts';
import { foldPath } from '../request/path.ts';
import type { HeaderChanges } from './headers/changes.ts';
import type { OwnAnswer } from './own-answer/config.ts';
import type { Upstream } from './upstream/config.ts';

/** A host and path prefix with its access rules, served by an upstream or answered by the gateway; compiled and frozen at start. */
export type Route = ForwardingRoute | AnsweringRoute;

interface CommonRoute {
  readonly id: string;
  readonly title: string;
  /** Exact host, `*.example.com`, or null for every host; lower case. */
  readonly host: string | null;
  /** `/` or `/a/b`, canonical, without a slash at the end. */
  readonly path: CanonicalPath;
  readonly encodedSlashes: boolean;
  readonly acceptBasic: boolean;
  readonly acceptTokens: boolean;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly clearCookies: readonly string[];
  readonly policy: Policy;
  readonly headers: HeaderSet;
  /** `Authorization` value for the app (`Basic …`), or null. */
  readonly basicAuth: ((identity: Identity) => string) | null;
  /** The header in which the app gets the access token of the session's provider; null: it does not. */
  readonly accessToken: 'x-forwarded-access-token' | 'authorization' | null;
  /** Signs who asks, for the app; left out where it wants no assertion. */
  readonly assertion?: AssertionWriter;
  /** What is set or removed on the way to the visitor; null: nothing. */
  readonly responseHeaders: HeaderChanges | null;
}

/** What the access rules let through goes to an upstream. */
export interface ForwardingRoute extends CommonRoute {
  readonly answer: null;
  readonly upstream: Upstream;
  /** What stands in the upstream in place of `path`: `/` or `/a/b` without a slash at the end; null: the same. */
  readonly upstreamPath: string | null;
  readonly preserveHost: boolean;
  /** What is set or removed on the way to the upstream; null: nothing. */
  readonly requestHeaders: HeaderChanges | null;
  /** Longest request body (bytes), or null. */
  readonly maxBodyBytes: number | null;
}

/** What the access rules let through is answered by the gateway itself. */
export interface AnsweringRoute extends CommonRoute {
  readonly answer: OwnAnswer;
}

export interface RouteTable {
  readonly routes: readonly Route[];
  /** The most specific host wins, then the longest path prefix by whole segments. */
  readonly find: (host: string, path: CanonicalPath) => Route | null;
  /** The same, comparing paths without regard to case; several routes may differ by case only: all are given. */
  readonly findIgnoringCase: (host: string, path: CanonicalPath) => readonly Route[];
  /** Some route answers at this host. */
  readonly servesHost: (host: string) => boolean;
}

/** Routes of one host pattern, by path segments. A lookup costs one step a segment, however many routes there are. */
interface Branch {
  readonly children: Map<string, Branch>;
  routes: readonly Route[];
}

interface HostRoutes {
  readonly exact: Branch;
  /** The same routes by folded segments. */
  readonly folded: Branch;
}

/**
 * Builds the table. Of the routes that fit a request in host and path, the one with the most specific host wins: exact,
 * then the longest wildcard, then routes without a host; among these the longest path.
 */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const exactHosts = new Map<string, HostRoutes>();
  const wildcards = new Map<string, HostRoutes>();
  const everyHost = newHostRoutes();

  for (const route of routes) {
    const place =
      route.host === null
        ? everyHost
        : route.host.startsWith('*.')
          ? entryOf(wildcards, route.host.slice(2))
          : entryOf(exactHosts, route.host);
    insert(place.exact, route.path, route);
    insert(place.folded, foldPath(route.path), route);
  }

  const pick = (host: string, choose: (place: HostRoutes) => readonly Route[]): readonly Route[] => {
    const exact = exactHosts.get(host);
    const found = exact === undefined ? none : choose(exact);
    if (found.length > 0) return found;
    if (wildcards.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const wildcard = wildcards.get(host.slice(dot + 1));
        const matches = wildcard === undefined ? none : choose(wildcard);
        if (matches.length > 0) return matches;
      }
    }
    return choose(everyHost);
  };

  return {
    routes: Object.freeze([...routes]),
    find: (host, path) => pick(host, (place) => longest(place.exact, path))[0] ?? null,
    findIgnoringCase: (host, path) => {
      const folded = foldPath(path);
      return pick(host, (place) => longest(place.folded, folded));
    },
    servesHost: (host) => pick(host, anyRoute).length > 0,
  };
}

const none: readonly Route[] = [];

function newHostRoutes(): HostRoutes {
  return { exact: { children: new Map(), routes: none }, folded: { children: new Map(), routes: none } };
}

function entryOf(hosts: Map<string, HostRoutes>, name: string): HostRoutes {
  const known = hosts.get(name);
  if (known !== undefined) return known;
  const made = newHostRoutes();
  hosts.set(name, made);
  return made;
}

function insert(root: Branch, path: string, route: Route): void {
  let branch = root;
  for (const segment of path === '/' ? [] : path.slice(1).split('/')) {
    let child = branch.children.get(segment);
    if (child === undefined) branch.children.set(segment, (child = { children: new Map(), routes: none }));
    branch = child;
  }
  branch.routes = [...branch.routes, route];
}

function longest(root: Branch, path: string): readonly Route[] {
  let branch = root;
  let found = branch.routes;
  let start = 1;
  while (branch.children.size > 0 && start <= path.length) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    const child = branch.children.get(path.slice(start, end));
    if (child === undefined) break;
    branch = child;
    if (branch.routes.length > 0) found = branch.routes;
    start = end + 1;
  }
  return found;
}

/** A branch without routes has children, and these have routes in the end. */
function anyRoute(place: HostRoutes): readonly Route[] {
  let branch: Branch | undefined = place.exact;
  while (branch !== undefined && branch.routes.length === 0) branch = branch.children.values().next().value;
  return branch?.routes ?? none;
}
