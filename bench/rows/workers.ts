import { availableParallelism } from 'node:os';
import { writeLoadScript } from '../load.ts';
import { measureCosts, median, ratio, spread, type Subject } from '../measure.ts';
import { startUpstream } from '../peers/proxies.ts';
import { judge, type Row } from '../row.ts';
import { startSallyport } from '../sallyport.ts';

/** Cores that wrk and the app behind need beside two workers. */
const coresForBoth = 4;

/** What two workers serve beside one. */
export const workersRow: Row = {
  id: 'workers',
  title: 'Two workers',
  limitSeconds: 180,
  run: async (bench) => {
    const upstream = bench.keep(await startUpstream(bench.directory));
    const subjects: Subject[] = [];
    for (const workers of [1, 2]) {
      const gateway = await startSallyport(bench.directory, {
        name: `${workers} worker${workers === 1 ? '' : 's'}`,
        upstreamPort: upstream.port,
        sessions: 10_000,
        workers,
      });
      const { tokens, cookieName } = gateway;
      const script = writeLoadScript(bench.directory, { tokens, cookieName });
      subjects.push({ target: bench.keep(gateway.target), script });
    }
    const costs = await measureCosts(subjects, bench);
    const [one, two] = costs;
    if (one === undefined || two === undefined) throw new Error('nothing was measured');
    const capacity = 2 / ratio(two, one);
    const rate = median(two.requestsPerSecond) / median(one.requestsPerSecond);
    const hasRoom = availableParallelism() >= coresForBoth;
    return {
      findings: [
        {
          what: 'Two workers on two cores',
          measured: hasRoom
            ? `${rate.toFixed(2)} × the requests a second of one`
            : `${capacity.toFixed(2)} × one by CPU time a request`,
          must: '≥ 1.7 ×',
          met: judge(hasRoom ? rate : capacity, { must: 1.7, better: 'more' }),
        },
      ],
      tables: [
        {
          header: ['', 'µs of CPU a request (least – median – most)', 'requests/s (least – median – most)'],
          lines: costs.map((cost) => [cost.name, spread(cost.micros), spread(cost.requestsPerSecond, 0)]),
        },
      ],
      plots: [],
      notes: hasRoom
        ? []
        : [
            `This machine has ${availableParallelism()} cores, and wrk and the app behind the gateway run on them too: requests a second (${rate.toFixed(2)} × one) tell of all three together. So the judgement is by what a request costs: two workers on two cores of their own serve 2 / (their cost ÷ the cost of one) times as much.`,
          ],
    };
  },
};
