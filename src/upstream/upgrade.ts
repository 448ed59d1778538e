import { createProxyServer } from 'http-proxy';
import type { ProxyServer } from 'http-proxy';
import type { IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Authenticated } from '../authentication/authenticator.ts';
import type { GatewayError } from '../errors.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { ForwardingRoute } from '../route/table.ts';
import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import type { Attempt } from './attempt.ts';
import { createCourses } from './course.ts';
import { plainUpgrade } from './doorstep.ts';
import type { ForwarderOptions } from './forward.ts';
import { createRequestHeaders } from './request-headers.ts';
import { createResponseHeaders } from './response-headers.ts';
import { upstreamTarget } from './rewrite.ts';
import { Tunnel } from './tunnel.ts';
import type { TunnelTools } from './tunnel.ts';

/**
 * Writes the head of an answer where it doesn't go out as bytes: the visitor speaks HTTP/2, and the socket is one stream of the
 * connection. A 101 means that the tunnel stands.
 */
export type RespondHead = (status: number, headers: readonly (readonly [name: string, value: string])[]) => void;

/** An upgrade that the gate lets through, as node's `upgrade` event gave it. */
export interface UpgradeJob {
  /** `upgrade` holds the one protocol to ask for. */
  readonly facts: RequestFacts;
  readonly route: ForwardingRoute;
  /** Null where anyone may pass. */
  readonly visitor: Authenticated | null;
  /** The signed assertion for this visitor; left out where the route has none. */
  readonly assertion?: string | undefined;
  readonly request: IncomingMessage;
  /** Nothing has been written to it yet. */
  readonly socket: Duplex;
  /** What came behind the request's head. */
  readonly head: Buffer;
  readonly respondHead?: RespondHead | undefined;
}

export type UpgradeOutcome =
  /** The tunnel stood, and is over by itself. */
  | { readonly kind: 'tunnelled' }
  /** The upstream answered otherwise than with 101: passed on as it was, and the connection closed. */
  | { readonly kind: 'answered'; readonly status: number }
  /** Not started: nothing was written, and the answer is for the caller to give. Started: the connection has been cut. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly responseStarted: boolean }
  | { readonly kind: 'client-gone' }
  /** `close` was called. */
  | { readonly kind: 'closed' };

export interface UpgradeHandle {
  /** When everything is over. Never rejects. */
  readonly done: Promise<UpgradeOutcome>;
  /**
   * Ends it now, whatever state it is in; a WebSocket's visitor is told with this close code (RFC 6455 §7.4; default 1001,
   * going away).
   */
  readonly close: (code?: number) => void;
}

export interface Upgrader {
  readonly upgrade: (job: UpgradeJob) => UpgradeHandle;
}

/** Asks upstreams for WebSockets and other upgrades, by http-proxy, and joins the two connections. */
export function createUpgrader(options: ForwarderOptions): Upgrader {
  const attempts = new WeakMap<IncomingMessage, Attempt>();
  const proxies = new WeakMap<UpstreamTarget, ProxyServer>();
  const { secureOf } = options;

  const proxyTo = (upstream: Upstream, target: UpstreamTarget): ProxyServer => {
    const known = proxies.get(target);
    if (known) return known;
    const secure = secureOf(upstream);
    const proxy = createProxyServer({
      ...(upstream.tls === undefined
        ? {}
        : { agent: new Agent({ ...secure }), secure: secure.rejectUnauthorized ?? true }),
      target:
        target.socketPath === null
          ? target.origin
          : { protocol: 'http:', host: 'localhost', socketPath: target.socketPath },
    });
    proxy.on('proxyReqWs', (outgoing, message) => attempts.get(message)?.prepare(outgoing));
    proxies.set(target, proxy);
    return proxy;
  };

  const tools: TunnelTools = {
    courses: createCourses(options),
    requestHeaders: createRequestHeaders(options),
    responseHeaders: createResponseHeaders(options),
    ask: (attempt, { facts, route }, target, doorstep) => {
      const message = plainUpgrade(doorstep, upstreamTarget(facts, route));
      attempts.set(message, attempt);
      return proxyTo(route.upstream, target).ws(message, doorstep, {});
    },
  };

  return {
    upgrade: (job) => {
      const tunnel = new Tunnel(job, tools);
      tunnel.start();
      return tunnel;
    },
  };
}
