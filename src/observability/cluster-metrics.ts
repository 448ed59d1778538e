import { AggregatorRegistry, type Registry } from 'prom-client';

/** In a worker: answers the supervisor's question for metrics with those of this process. */
export function offerMetrics(registry: Registry): void {
  AggregatorRegistry.setRegistries([registry]);
  void new AggregatorRegistry();
}

/** In the supervisor: the metrics of all workers together, counts added up. */
export function createMetricsCollector(): () => Promise<{ readonly contentType: string; readonly text: string }> {
  const registry = new AggregatorRegistry();
  return async () => ({ contentType: registry.contentType, text: await registry.clusterMetrics() });
}
