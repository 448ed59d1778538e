import { writeLoadScript } from '../load.ts';
import { measureCosts, ratio, spread, type Subject } from '../measure.ts';
import { startNginxProxy, startUpstream } from '../peers/proxies.ts';
import { startRedisServer } from '../peers/redis.ts';
import { judge, type Row } from '../row.ts';
import { startSallyport } from '../sallyport.ts';

/** More than the near cache holds; asked for in turn, so that none is ever found in it. */
const sessions = 20_000;

/** A request whose session is not in the near cache: the store is read. */
export const missRow: Row = {
  id: 'miss',
  title: 'A request that reads the store',
  limitSeconds: 240,
  run: async (bench) => {
    const { directory, keep } = bench;
    const upstream = keep(await startUpstream(directory));
    const nginx = keep(await startNginxProxy(directory, upstream.port));
    const plain = writeLoadScript(directory, { cookieName: 'other', tokens: ['x'.repeat(43)] });
    const subjects: Subject[] = [{ target: nginx, script: plain }];
    const redis = await startRedisServer(directory);
    if (redis !== null) keep(redis);
    for (const [name, storeUrl] of [
      ['Sallyport (SQLite)', undefined],
      ['Sallyport (Redis)', redis && `redis://127.0.0.1:${redis.port}`],
    ] as const) {
      if (storeUrl === null) continue;
      const gateway = await startSallyport(directory, {
        name,
        upstreamPort: upstream.port,
        sessions,
        ...(storeUrl && { storeUrl }),
        profile: bench.profile,
      });
      const { tokens, cookieName } = gateway;
      const script = writeLoadScript(directory, { tokens, cookieName, order: 'in-turn' });
      subjects.push({ target: keep(gateway.target), script });
    }
    const costs = await measureCosts(subjects, bench);
    const [base, ...ours] = costs;
    if (base === undefined) throw new Error('nothing was measured');
    return {
      findings: ours.map((cost) => {
        const must = cost.name.includes('Redis') ? 6 : 4.5;
        const times = ratio(cost, base);
        return {
          what: `Near-cache miss, ${cost.name}`,
          measured: `${times.toFixed(2)} × nginx`,
          must: `≤ ${must} ×`,
          met: judge(times, { must, better: 'less' }),
        };
      }),
      tables: [
        {
          header: ['gateway', 'µs of CPU a request (least – median – most)', '× nginx'],
          lines: costs.map((cost) => [cost.name, spread(cost.micros), ratio(cost, base).toFixed(2)]),
        },
      ],
      plots: [],
      notes: [
        `${sessions} sessions asked for in turn, more than the near cache holds. What redis-server itself uses is not counted.`,
        ...(redis === null ? ['Redis: there is no redis-server on this machine.'] : []),
      ],
    };
  },
};
