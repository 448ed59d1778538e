import test from 'ava';
import { createMetricsCollector } from '../../../src/observability/cluster-metrics.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';

/** A process that has answered so many requests. */
async function countsOf(requests: number, live = 0): Promise<unknown> {
  const metrics = createMetrics();
  metrics.watchLiveConnections(() => live);
  for (let count = 0; count < requests; count += 1) metrics.requestCompleted('app', 200, 'allowed', 3);
  // As it comes over the line between two processes.
  return structuredClone(await metrics.registry.getMetricsAsJSON());
}

function valueOf(text: string, line: RegExp): number {
  return Number(
    text
      .split('\n')
      .find((one) => line.test(one))
      ?.split(' ')
      .at(-1),
  );
}
const total = /^sallyport_requests_total\{/;
const durations = /^sallyport_request_duration_seconds_count/;
const live = /^sallyport_live_connections/;

test('adds up the workers and the supervisor', async (t) => {
  const own = createMetrics();
  own.reload('succeeded');
  const collect = createMetricsCollector({
    own: own.registry,
    ask: async () => [
      { id: 1, metrics: await countsOf(3, 2) },
      { id: 2, metrics: await countsOf(4, 5) },
    ],
  });
  const { text } = await collect();
  t.is(valueOf(text, total), 7);
  t.is(valueOf(text, live), 7);
  t.is(valueOf(text, /^sallyport_config_reloads_total\{/), 1);
});

test('totals never fall: a worker that died still counts, one that is silent counts as it last did', async (t) => {
  const own = createMetrics();
  let answers: { id: number; metrics: unknown }[] = [
    { id: 1, metrics: await countsOf(3, 1) },
    { id: 2, metrics: await countsOf(4, 1) },
  ];
  const collect = createMetricsCollector({ own: own.registry, ask: async () => answers });
  await collect();
  answers = [
    { id: 2, metrics: null },
    { id: 3, metrics: await countsOf(1, 1) },
  ];
  for (let time = 0; time < 2; time += 1) {
    const { text } = await collect();
    t.is(valueOf(text, total), 8);
    t.is(valueOf(text, durations), 8);
    t.is(valueOf(text, live), 2, 'what a dead worker held open is gone');
  }
  answers = [{ id: 4, metrics: await countsOf(2) }];
  t.is(valueOf((await collect()).text, total), 10);
});
