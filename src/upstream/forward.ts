import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticated } from '../authentication/authenticator.ts';
import type { GatewayError } from '../errors.ts';
import type { ReservedHeaders } from '../identity/headers.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { ForwardingRoute } from '../route/table.ts';
import { createAgents } from './agents.ts';
import type { Agents } from './agents.ts';
import { createCourses } from './course.ts';
import type { Courses, CoursesOptions } from './course.ts';
import { Exchange } from './exchange.ts';
import { createRequestHeaders } from './request-headers.ts';
import { createResponseHeaders } from './response-headers.ts';
import type { UpstreamAnswer } from './response-headers.ts';
import type { SecureOptionsOf } from './secure.ts';

export interface ForwarderOptions extends CoursesOptions {
  readonly reserved: ReservedHeaders;
  /** A cookie of this name is the gateway's own: it never reaches an upstream, and no upstream sets it. */
  readonly isOwnCookie: (name: string) => boolean;
  readonly secureOf: SecureOptionsOf;
  /** An `Authorization` that is meant for the gateway; it never reaches an upstream. */
  readonly isOwnCredential: (authorization: string, acceptTokens: boolean) => boolean;
}

/** A request that the gate lets through, with the wire it came on. */
export interface ForwardJob {
  readonly facts: RequestFacts;
  readonly route: ForwardingRoute;
  /** Null where anyone may pass. */
  readonly visitor: Authenticated | null;
  /** The signed assertion for this visitor; left out where the route has none. */
  readonly assertion?: string | undefined;
  readonly request: IncomingMessage;
  /** Nothing has been written to it yet. */
  readonly response: ServerResponse;
  /** Whole `Set-Cookie` values of ours for the answer, whatever it will be. */
  readonly setCookies: readonly string[];
}

/** How it went. `bodyBytes` counts the answer's body as sent. */
export type ForwardOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly bodyBytes: number }
  /**
   * No answer, or half of one. Not started: nothing was written, and the answer is for the caller to give. Started: the
   * visitor's connection has been cut, so that nobody takes the half for the whole.
   */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly responseStarted: boolean }
  | { readonly kind: 'client-gone' }
  /** `abort` was called: both connections are cut. */
  | { readonly kind: 'aborted' };

export interface ForwardHandle {
  /** Never rejects. */
  readonly done: Promise<ForwardOutcome>;
  /** Cuts the exchange on both sides at once; without effect when it is over. */
  readonly abort: () => void;
}

export interface Forwarder {
  readonly forward: (job: ForwardJob) => ForwardHandle;
  /** Waits for what is under way, then closes the connections to the upstreams. */
  readonly close: () => Promise<void>;
}

/** What a forwarder's exchanges work with. */
export interface ExchangeTools {
  readonly agents: Agents;
  readonly courses: Courses;
  readonly requestHeaders: ReturnType<typeof createRequestHeaders>;
  readonly responseHeaders: (answer: UpstreamAnswer) => string[];
}

/**
 * Carries allowed requests to their upstreams and the answers back, streaming both ways: headers as `request-headers.ts`
 * and `response-headers.ts` say, bodies, interim answers and trailers as they come.
 */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const agents = createAgents(options.secureOf);
  const tools: ExchangeTools = {
    agents,
    courses: createCourses(options),
    requestHeaders: createRequestHeaders(options),
    responseHeaders: createResponseHeaders(options),
  };
  return {
    forward: (job) => {
      const exchange = new Exchange(job, tools);
      exchange.start();
      return exchange;
    },
    close: agents.close,
  };
}
