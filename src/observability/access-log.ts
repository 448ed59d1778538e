import type { RequestFacts } from '../request/facts.ts';
import type { Log } from '../runtime.ts';
import type { Metrics } from './metrics.ts';

/** How a request ended, in the words of log, metrics and tests. */
export interface Completed {
  /** 499: the visitor went away before the answer was whole. */
  readonly status: number;
  readonly reason: string;
  readonly route: string | null;
  readonly user: string | null;
}

export interface RequestLog {
  /** Writes the one line of a request and counts it. `facts` is null for requests that could not be read. */
  readonly completed: (
    facts: RequestFacts | null,
    completed: Completed,
    startedAtMs: number,
    peerAddress: string,
  ) => void;
}

/** One `request.completed` a request; the query is left out, as it may hold secrets of the app. */
export function createRequestLog(options: {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly enabled: boolean;
  readonly now: () => number;
}): RequestLog {
  const { log, metrics, enabled, now } = options;
  return {
    completed: (facts, { status, reason, route, user }, startedAtMs, peerAddress) => {
      const durationMs = now() - startedAtMs;
      metrics.requestCompleted(route ?? '-', status, reason, durationMs);
      if (!enabled) return;
      if (facts === null) {
        log.info('request.completed', { status, reason, durationMs, address: peerAddress });
        return;
      }
      log.info('request.completed', {
        requestId: facts.id,
        method: facts.method,
        host: facts.host,
        path: facts.rawPath,
        status,
        reason,
        durationMs,
        route,
        user,
        address: facts.clientAddress,
      });
    },
  };
}
