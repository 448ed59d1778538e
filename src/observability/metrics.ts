import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const durationBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What is known of one target of a route at the moment of a scrape; counts are those since the process knows it. */
export interface UpstreamFigures {
  readonly route: string;
  readonly target: string;
  /** It gets requests like any other. */
  readonly isUp: boolean;
  /** Requests and tunnels under way. */
  readonly active: number;
  readonly requests: number;
  readonly failures: number;
  readonly ejections: number;
}

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

function registerUpstreams(registry: Registry, figures: () => readonly UpstreamFigures[]): void {
  const labelNames = ['route', 'target'] as const;
  const registers = [registry];
  const gauge = (name: string, help: string, aggregator: 'min' | 'sum', read: (of: UpstreamFigures) => number) =>
    new Gauge({
      name: `sallyport_upstream_${name}`,
      help,
      labelNames,
      registers,
      aggregator,
      collect() {
        this.reset();
        for (const of of figures()) this.set({ route: of.route, target: of.target }, read(of));
      },
    });
  const counter = (name: string, help: string, read: (of: UpstreamFigures) => number) =>
    new Counter({
      name: `sallyport_upstream_${name}_total`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const of of figures()) this.inc({ route: of.route, target: of.target }, read(of));
      },
    });
  // A target that one worker can't use is worth knowing of.
  gauge('up', 'Whether a target gets requests: 1, or 0 while it is ejected or fails its health check.', 'min', (of) =>
    of.isUp ? 1 : 0,
  );
  gauge('requests_under_way', 'Requests and tunnels under way at a target.', 'sum', (of) => of.active);
  counter('requests', 'Requests and tunnels sent to a target.', (of) => of.requests);
  counter('failures', 'Requests to which a target gave no sound answer.', (of) => of.failures);
  counter('ejections', 'How often a target was left alone for a while because requests failed.', (of) => of.ejections);
}
