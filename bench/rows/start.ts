import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../http.ts';
import { median, spread } from '../measure.ts';
import { residentBytes } from '../process.ts';
import { startUpstream } from '../peers/proxies.ts';
import { judge, type Row } from '../row.ts';
import { launchSallyport, prepareSallyport } from '../sallyport.ts';

const mebibyte = 1_048_576;
const settleMs = 3_000;

/** How soon it serves, and what it takes up before anybody comes. */
export const startRow: Row = {
  id: 'start',
  title: 'Start and idle memory',
  limitSeconds: 90,
  run: async (bench) => {
    const upstream = bench.keep(await startUpstream(bench.directory));
    const options = { name: 'Sallyport', upstreamPort: upstream.port, sessions: 0 };
    const prepared = await prepareSallyport(bench.directory, options);
    const starts: number[] = [];
    const sizes: number[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      const startedAt = performance.now();
      const launched = launchSallyport(prepared, options);
      const isThere = () =>
        ask(prepared.port, 'GET', '/_auth/health', { Host: 'app.test' }).then(
          ({ status }) => status === 200,
          () => false,
        );
      while (!(await isThere())) await delay(5);
      starts.push(performance.now() - startedAt);
      const target = bench.keep(await launched);
      await delay(settleMs);
      sizes.push(residentBytes(target.pids) / mebibyte);
      await target.stop();
    }
    const [start, size] = [median(starts) / 1_000, median(sizes)];
    return {
      findings: [
        {
          what: '`sallyport start` to first answer',
          measured: `${start.toFixed(2)} s`,
          must: '≤ 1 s',
          aim: '0.6 s',
          met: judge(start, { must: 1, aim: 0.6, better: 'less' }),
        },
        {
          what: 'Resident memory idle',
          measured: `${size.toFixed(0)} MiB`,
          must: '≤ 110 MiB',
          aim: '80 MiB',
          met: judge(size, { must: 110, aim: 80, better: 'less' }),
        },
      ],
      tables: [
        {
          header: ['', 'least – median – most'],
          lines: [
            ['start to first answer, ms', spread(starts, 0)],
            [`resident memory ${settleMs / 1_000} s later, MiB`, spread(sizes)],
          ],
        },
      ],
      plots: [],
      notes: [`From TypeScript as it stands in a checkout; one route, SQLite, ${bench.rounds} starts.`],
    };
  },
};
