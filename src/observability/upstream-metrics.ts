import { Counter, Gauge, type Registry } from 'prom-client';

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

/** Adds the metrics of upstreams with several targets, or with something to watch. `figures` is read at each scrape. */
export function registerUpstreams(registry: Registry, figures: () => readonly UpstreamFigures[]): void {
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

/** What a scrape says of the health of targets, for people: `wiki http://10.0.0.1:3000 up`. */
export function describeTargets(scrape: string): readonly string[] {
  const lines = scrape.matchAll(/^sallyport_upstream_up\{route="([^"]*)",target="((?:[^"\\]|\\.)*)"\} (\d)$/gm);
  return [...lines].map(([, route, target, isUp]) => `${route} ${target} ${isUp === '1' ? 'up' : 'down'}`);
}
