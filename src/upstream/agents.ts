import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { Pool, buildConnector } from 'undici';
import type { Client } from 'undici';
import { placeOf } from '../route/upstream/config.ts';
import type { Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import { readBeforeFailing } from './early-answer.ts';
import { createHttp2Client } from './http2/client.ts';
import type { SecureOptions, SecureOptionsOf } from './secure.ts';

/** Answers with a larger head (bytes) are refused. */
const maxHeadBytes = 64 * 1024;

/**
 * An idle connection is kept this long unless the upstream says otherwise: many app servers hang up after 5 s, and a
 * request that meets the hang-up is lost.
 */
const idleMs = 4_000;
const longestIdleMs = 60_000;

/** Kept-alive connections to one upstream. */
export interface Agent {
  readonly pool: Pick<Pool, 'dispatch' | 'close'>;
  /** For undici's `servername` with every request: a pool changes connections with it, so it never follows `Host`. */
  readonly servername: string;
}

/** Kept-alive connections, one pool a target; targets of routes that say the same about their upstream share it. */
export interface Agents {
  /** `target` is one of the upstream's own. */
  readonly agentOf: (upstream: Upstream, target: UpstreamTarget) => Agent;
  /** Waits for what is under way, then closes every connection. */
  readonly close: () => Promise<void>;
}

/** The pools are made on first use and live until `close`. HTTP/1.1, one request at a time on a connection, unless HTTP/2 is asked for. */
export function createAgents(secureOf: SecureOptionsOf): Agents {
  const agents = new Map<string, Agent>();
  const byTarget = new WeakMap<UpstreamTarget, Agent>();

  const agentOf = (upstream: Upstream, target: UpstreamTarget): Agent => {
    const known = byTarget.get(target);
    if (known) return known;
    const key = poolKey(upstream, target);
    const agent = agents.get(key) ?? createAgent(upstream, target, secureOf(upstream));
    agents.set(key, agent);
    byTarget.set(target, agent);
    return agent;
  };

  return {
    agentOf,
    close: async () => {
      await Promise.all([...agents.values()].map(({ pool }) => pool.close()));
    },
  };
}

/** What a pool is made for: whatever `clientOptions` reads of an upstream must stand here. */
function poolKey({ timeouts, tls, http2 }: Upstream, target: UpstreamTarget): string {
  return JSON.stringify([placeOf(target), timeouts, tls, http2]);
}

function createAgent(upstream: Upstream, target: UpstreamTarget, secure: SecureOptions): Agent {
  const options = clientOptions(upstream, target, secure);
  const { connectMs, firstByteMs, idleMs: silenceMs } = upstream.timeouts;
  const { host, protocol, port } = new URL(target.origin);
  const hostname = hostOf(target);
  const pool = upstream.http2
    ? createHttp2Client({
        origin: target.origin,
        open: (callback) => options.connect({ hostname, host, protocol, port }, callback),
        settingsMs: connectMs,
        firstByteMs,
        idleMs: silenceMs,
      })
    : new Pool(target.origin, options);
  return { pool, servername: hostname };
}

function hostOf({ origin }: UpstreamTarget): string {
  return new URL(origin).hostname.replace(/^\[|\]$/g, '');
}

/** How connections to a target are made and used, by whatever part of undici. */
export function clientOptions(
  { timeouts, http2 }: Upstream,
  target: UpstreamTarget,
  secure: SecureOptions,
): Client.Options & { readonly connect: buildConnector.connector } {
  const plainHost = hostOf(target);
  const connect = buildConnector({
    ...secure,
    allowH2: http2,
    preferH2: http2,
    timeout: timeouts.connectMs,
    ...(target.socketPath === null ? {} : { socketPath: target.socketPath }),
  });
  return {
    allowH2: http2,
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: longestIdleMs,
    headersTimeout: timeouts.firstByteMs,
    // No limit by default: an event stream or a long poll may be silent for hours.
    bodyTimeout: timeouts.idleMs,
    maxHeaderSize: maxHeadBytes,
    connect: ({ servername: _, ...options }, callback) => {
      // The certificate is that of the upstream's own name, whatever `Host` the visitor's request carries.
      const isNamed = secure.servername !== undefined || isIP(plainHost) === 0;
      const name = target.origin.startsWith('https:') && isNamed ? { servername: secure.servername ?? plainHost } : {};
      connect({ ...options, ...name }, (...result) => {
        // Without a connection undici hands over the error alone.
        if (result[0] === null) {
          readBeforeFailing(result[1]);
          noteUse(result[1]);
          // Prior knowledge: there is nobody to agree with.
          if (http2 && !target.origin.startsWith('https:')) Object.assign(result[1], { alpnProtocol: 'h2' });
        } else Object.assign(result[0], { neverConnected: true });
        callback(...result);
      });
    },
  };
}

/** The error is that of a connection that could not be made: nothing was sent. */
export function neverConnected(error: Error): boolean {
  return 'neverConnected' in error;
}

/** Marks a connection's own error with whether the connection had brought an answer before. */
function noteUse(socket: Socket): void {
  socket.on('error', (error) => Object.assign(error, { bytesRead: socket.bytesRead }));
}

/** The error ended a connection on which bytes of an upstream had come before. */
export function wasReused(error: Error): boolean {
  if ('bytesRead' in error) return Number(error.bytesRead) > 0;
  // undici's own SocketError tells of the socket.
  const socket: unknown = 'socket' in error ? error.socket : null;
  return typeof socket === 'object' && socket !== null && 'bytesRead' in socket && Number(socket.bytesRead) > 0;
}
