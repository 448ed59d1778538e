import type { Authentication, Authenticated, Authenticator, Rejected } from './authentication/authenticator.ts';
import type { RequestFacts } from './request/facts.ts';
import type { Route, RouteTable } from './route/table.ts';

/** The gate's word on a request. Every decision names its reason, a stable kebab-case slug. */
export type Decision =
  | {
      readonly kind: 'forward';
      readonly route: Route;
      /** Null on a rule that lets anyone in. */
      readonly visitor: Authenticated | null;
      readonly rule: number;
      readonly reason: 'allowed' | 'allowed-anyone';
    }
  /** Not signed in: sign-in page or 401. `rejected` tells of a credential that was not good. */
  | {
      readonly kind: 'challenge';
      readonly route: Route;
      readonly rejected: Rejected | null;
      readonly reason: 'not-signed-in';
    }
  | {
      readonly kind: 'step-up';
      readonly route: Route;
      readonly visitor: Authenticated;
      readonly step: 'second-factor' | 'recent-sign-in';
      readonly reason: 'second-factor-required' | 'recent-sign-in-required';
    }
  | { readonly kind: 'deny'; readonly route: Route; readonly visitor: Authenticated | null; readonly reason: 'denied' }
  | { readonly kind: 'no-route'; readonly reason: 'no-route' }
  /** Readable, but not for this route (an encoded slash where none is expected). */
  | { readonly kind: 'refuse'; readonly status: 400; readonly route: Route; readonly reason: 'encoded-slash' };

export interface GateOptions {
  readonly routes: RouteTable;
  readonly authenticate: Authenticator;
}

/** Facts in, decision out; nothing is written. Synchronous when the visitor's session is in the near cache. */
export type Gate = (facts: RequestFacts) => Decision | Promise<Decision>;

export type { Authentication };
