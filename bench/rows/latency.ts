import { openClient } from '../client.ts';
import { quantile } from '../measure.ts';
import { startNginxProxy, startUpstream } from '../peers/proxies.ts';
import { judge, type Row } from '../row.ts';
import { startSallyport } from '../sallyport.ts';
import { bars } from '../svg.ts';

const warmUpRequests = 3_000;
const requestsARound = 1_000;

/** What one visitor waits longer than without a gateway. */
export const latencyRow: Row = {
  id: 'latency',
  title: 'Added latency',
  limitSeconds: 120,
  run: async (bench) => {
    const { directory, keep } = bench;
    const upstream = keep(await startUpstream(directory));
    const nginx = keep(await startNginxProxy(directory, upstream.port));
    const gateway = await startSallyport(directory, { name: 'Sallyport', upstreamPort: upstream.port, sessions: 100 });
    keep(gateway.target);
    const places = [
      { name: 'the app directly', port: upstream.port, cookie: null },
      { name: 'through nginx', port: nginx.port, cookie: null },
      {
        name: 'through Sallyport',
        port: gateway.target.port,
        cookie: `${gateway.cookieName}=${gateway.tokens[0] ?? ''}`,
      },
    ];
    const clients = await Promise.all(places.map(({ port, cookie }) => openClient(port, cookie)));
    const times = places.map((): number[] => []);
    for (const client of clients) for (let count = 0; count < warmUpRequests; count += 1) await client.ask();
    // In short turns, so that all see the same noise.
    for (let round = 0; round < bench.rounds * 4; round += 1)
      for (const [index, client] of clients.entries())
        for (let count = 0; count < requestsARound; count += 1) {
          const { status, ms } = await client.ask();
          if (status !== 200) throw new Error(`${places[index]?.name} answered ${status}`);
          times[index]?.push(ms);
        }
    for (const client of clients) client.close();
    const at = (index: number, share: number): number => quantile(times[index] ?? [], share);
    const added = (share: number): number => at(2, share) - at(0, share);
    return {
      findings: [
        {
          what: 'Added latency, one connection, p50',
          measured: `${added(0.5).toFixed(3)} ms`,
          must: '≤ 0.25 ms',
          met: judge(added(0.5), { must: 0.25, better: 'less' }),
        },
        {
          what: 'Added latency, one connection, p99',
          measured: `${added(0.99).toFixed(3)} ms`,
          must: '≤ 1 ms',
          met: judge(added(0.99), { must: 1, better: 'less' }),
        },
      ],
      tables: [
        {
          header: ['', 'p50', 'p90', 'p99', 'p99.9'],
          lines: places.map(({ name }, index) => [
            name,
            ...[0.5, 0.9, 0.99, 0.999].map((share) => `${at(index, share).toFixed(3)} ms`),
          ]),
        },
      ],
      plots: [
        {
          file: 'bench-latency.svg',
          caption: 'Time to the whole answer over one connection: p50, and p99 as the whisker',
          svg: bars({
            title: 'Milliseconds to the whole answer, p50 (line: to p99)',
            unit: 'ms',
            digits: 3,
            entries: places.map(({ name }, index) => ({
              label: name,
              value: at(index, 0.5),
              low: at(index, 0.5),
              high: at(index, 0.99),
              isOurs: index === 2,
            })),
          }),
        },
      ],
      notes: [
        `${times[0]?.length ?? 0} requests each, in turns of ${requestsARound}; client and all servers on this one machine.`,
      ],
    };
  },
};
