import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../http.ts';
import { median, spread } from '../measure.ts';
import { residentBytes } from '../process.ts';
import { startUpstream } from '../peers/proxies.ts';
import { judge, type Row } from '../row.ts';
import { launchSallyport, prepareSallyport } from '../sallyport.ts';

const mebibyte = 1_048_576;
const settleMs = 3_000;

const root = join(import.meta.dirname, '..', '..');

/** Makes `dist/`, what the published package runs. */
function build(): void {
  const made = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8', timeout: 120_000 });
  if (made.status !== 0) throw new Error(`the package could not be built: ${made.stderr}`);
}

/** How soon it serves, and what it takes up before anybody comes. */
export const startRow: Row = {
  id: 'start',
  title: 'Start and idle memory',
  limitSeconds: 180,
  run: async (bench) => {
    const upstream = bench.keep(await startUpstream(bench.directory));
    const options = { name: 'Sallyport', upstreamPort: upstream.port, sessions: 0 };
    const prepared = await prepareSallyport(bench.directory, options);
    build();
    const ways = [
      { name: 'the package', cli: join(root, 'dist/cli.js'), starts: [] as number[], sizes: [] as number[] },
      { name: 'a checkout (TypeScript)', cli: join(root, 'src/cli.ts'), starts: [] as number[], sizes: [] as number[] },
    ];
    for (let round = 0; round < bench.rounds; round += 1)
      for (const { cli, starts, sizes } of ways) {
        const startedAt = performance.now();
        const launched = launchSallyport(prepared, { ...options, cli });
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
    const [start, size] = [median(ways[0]?.starts ?? []) / 1_000, median(ways[0]?.sizes ?? [])];
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
          header: [
            'started from',
            'to the first answer, ms (least – median – most)',
            `resident memory ${settleMs / 1_000} s later, MiB`,
          ],
          lines: ways.map(({ name, starts, sizes }) => [name, spread(starts, 0), spread(sizes)]),
        },
      ],
      plots: [],
      notes: [`One route, SQLite, ${bench.rounds} starts each.`],
    };
  },
};
