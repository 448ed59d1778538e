import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { registerUpstreams, type UpstreamFigures } from './upstream-metrics.ts';

const durationBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Prometheus metrics of one process. Labels are route ids, statuses and reasons: never a user, address or path. */
export interface Metrics {
  readonly registry: Registry;
  readonly requestCompleted: (route: string, status: number, reason: string, durationMs: number) => void;
  readonly signIn: (result: 'succeeded' | 'failed' | 'throttled' | 'busy' | 'unavailable') => void;
  readonly reload: (result: 'succeeded' | 'refused') => void;
  /** Read at each scrape. */
  readonly watchLiveConnections: (count: () => number) => void;
  /** Read at each scrape. */
  readonly watchUpstreams: (figures: () => readonly UpstreamFigures[]) => void;
}

interface Tally {
  readonly labels: { readonly route: string; readonly status: string; readonly reason: string };
  count: number;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  // The request path adds to plain numbers; they are handed over at a scrape. A labelled inc() costs a sort and a hash.
  const tallies = new Map<string, Map<number, Map<string, Tally>>>();
  const requests = new Counter({
    name: 'sallyport_requests_total',
    help: 'Requests answered, by route, status and reason of the decision.',
    labelNames: ['route', 'status', 'reason'] as const,
    registers: [registry],
    collect() {
      for (const statuses of tallies.values())
        for (const reasons of statuses.values())
          for (const tally of reasons.values()) {
            this.inc(tally.labels, tally.count);
            tally.count = 0;
          }
    },
  });
  const duration = new Histogram({
    name: 'sallyport_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    buckets: durationBucketsSeconds,
    registers: [registry],
  });
  const signIns = new Counter({
    name: 'sallyport_sign_ins_total',
    help: 'Sign-in tries, by result.',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  const reloads = new Counter({
    name: 'sallyport_config_reloads_total',
    help: 'Configuration reloads, by result.',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  const liveCounts: (() => number)[] = [];
  const live = new Gauge({
    name: 'sallyport_live_connections',
    help: 'Connections bound to a session: WebSockets, streams, requests under way.',
    registers: [registry],
    collect() {
      this.set(liveCounts.reduce((sum, count) => sum + count(), 0));
    },
  });

  const tallyOf = (route: string, status: number, reason: string): Tally => {
    let statuses = tallies.get(route);
    if (!statuses) tallies.set(route, (statuses = new Map<number, Map<string, Tally>>()));
    let reasons = statuses.get(status);
    if (!reasons) statuses.set(status, (reasons = new Map<string, Tally>()));
    let tally = reasons.get(reason);
    if (!tally) reasons.set(reason, (tally = { labels: { route, status: String(status), reason }, count: 0 }));
    return tally;
  };

  void requests;
  void live;
  return {
    registry,
    requestCompleted: (route, status, reason, durationMs) => {
      tallyOf(route, status, reason).count += 1;
      duration.observe(durationMs / 1_000);
    },
    signIn: (result) => signIns.inc({ result }),
    reload: (result) => reloads.inc({ result }),
    watchLiveConnections: (count) => void liveCounts.push(count),
    watchUpstreams: (figures) => registerUpstreams(registry, figures),
  };
}
