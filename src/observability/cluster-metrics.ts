import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';

type Told = readonly MetricObjectWithValues<MetricValue<string>>[];

export interface CollectorOptions {
  /** Of the supervisor itself. */
  readonly own: Registry;
  /** Asks every worker that lives what it counts; null stands for one that did not answer. */
  readonly ask: () => Promise<readonly { readonly id: number; readonly metrics: unknown }[]>;
}

/**
 * The metrics of all processes of one gateway together: counts added up, also those of workers that have died since, as far as
 * they were told, so that no total ever falls.
 */
export function createMetricsCollector({
  own,
  ask,
}: CollectorOptions): () => Promise<{ contentType: string; text: string }> {
  const last = new Map<number, Told>();
  let departed: Told = [];

  return async () => {
    const answers = await ask();
    for (const { id, metrics } of answers) if (isTold(metrics)) last.set(id, metrics);
    const alive = new Set(answers.map(({ id }) => id));
    for (const [id, metrics] of last) {
      if (alive.has(id)) continue;
      last.delete(id);
      departed = await AggregatorRegistry.aggregate([departed, metrics.filter(isCount)]).getMetricsAsJSON();
    }
    // The event loop of the supervisor is idle by nature and would water down the workers' figures.
    const mine = (await own.getMetricsAsJSON()).filter(({ name }) => !name.startsWith('nodejs_'));
    const together = AggregatorRegistry.aggregate([...last.values(), departed, mine]);
    return { contentType: own.contentType, text: await together.metrics() };
  };
}

/** What only grows; `process_…` counts die with their process. */
function isCount({ name, type }: MetricObjectWithValues<MetricValue<string>>): boolean {
  const kind = String(type);
  return name.startsWith('sallyport_') && (kind === 'counter' || kind === 'histogram');
}

function isTold(metrics: unknown): metrics is Told {
  return Array.isArray(metrics);
}
