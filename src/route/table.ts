import type { HeaderSet } from '../identity/header-sets.ts';
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/policy.ts';
import type { CanonicalPath } from '../request/facts.ts';
import type { UpstreamTarget } from './config.ts';

/** A host and path prefix served by an upstream, with its access rules; compiled and frozen at start. */
export interface Route {
  readonly id: string;
  readonly title: string;
  /** Exact host, `*.example.com`, or null for every host; lower case. */
  readonly host: string | null;
  /** `/` or `/a/b`, canonical, without a slash at the end. */
  readonly path: CanonicalPath;
  readonly upstream: UpstreamTarget;
  readonly stripPath: boolean;
  readonly preserveHost: boolean;
  readonly encodedSlashes: boolean;
  readonly acceptBasic: boolean;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly clearCookies: readonly string[];
  readonly policy: Policy;
  readonly headers: HeaderSet;
  /** `Authorization` value for the app (`Basic …`), or null. */
  readonly basicAuth: ((identity: Identity) => string) | null;
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
