import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, spread } from '../measure.ts';
import { startNginxProxy, startUpstream } from '../peers/proxies.ts';
import { residentBytes } from '../process.ts';
import { judge, type Bench, type Finding, type Row, type RowResult } from '../row.ts';
import { startSallyport } from '../sallyport.ts';
import { freePort, startTarget, type Target } from '../targets.ts';
import { download, upload, type Transfer } from '../transfer.ts';

const bytes = 1_073_741_824;
const mebibyte = 1_048_576;
/** How fast the slow side takes data, and for how long it is watched. */
const slowBytesPerSecond = 16 * mebibyte;
const slowMs = 6_000;
const sampleEveryMs = 50;
const allowedGrowthMib = 20;

interface Way {
  readonly name: 'down' | 'up';
  readonly nginx: Target;
  readonly ours: Target;
  readonly cookie: string;
}

interface WayResult {
  readonly way: Way;
  readonly nginx: readonly number[];
  readonly ours: readonly number[];
  readonly growthMib: number;
  readonly slowGrowthMib: number;
}

/** A gibibyte through the gateway each way, and what the gateway takes up in memory meanwhile. */
export const transferRow: Row = {
  id: 'transfer',
  title: '1 GiB down and up',
  limitSeconds: 240,
  run: async (bench) => {
    const ways = await startAll(bench);
    const results: WayResult[] = [];
    for (const way of ways) results.push(await measure(way, Math.min(bench.rounds, 5)));
    return tell(results);
  },
};

async function startAll({ directory, keep }: Bench): Promise<readonly Way[]> {
  const files = join(directory, 'files');
  mkdirSync(files);
  // A file of holes is read from memory alone, so that no disk is measured.
  writeFileSync(join(files, 'big'), '');
  truncateSync(join(files, 'big'), bytes);
  const source = keep(await startUpstream(directory, files));
  const sink = keep(await startSink(directory));
  const ways: Way[] = [];
  for (const [name, { port }] of [
    ['down', source],
    ['up', sink],
  ] as const) {
    const nginx = keep(await startNginxProxy(directory, port));
    const gateway = await startSallyport(directory, { name: `Sallyport ${name}`, upstreamPort: port, sessions: 10 });
    const cookie = `${gateway.cookieName}=${gateway.tokens[0] ?? ''}`;
    ways.push({ name, nginx, ours: keep(gateway.target), cookie });
  }
  return ways;
}

async function startSink(directory: string): Promise<Target> {
  const port = await freePort();
  const file = join(import.meta.dirname, '..', 'sink-main.ts');
  const args = [file, `${port}`];
  return startTarget({ name: 'sink', port, command: process.execPath, args, cwd: directory, version: '' });
}

async function measure(way: Way, rounds: number): Promise<WayResult> {
  const { name, nginx, ours, cookie } = way;
  const start = (target: Target, slow: boolean): Transfer =>
    name === 'down'
      ? download(target.port, cookie, '/files/big', slow ? slowBytesPerSecond : Infinity)
      : upload(target.port, cookie, slow ? `/slow?${slowBytesPerSecond}` : '/fast', bytes);
  const speeds = { nginx: [] as number[], ours: [] as number[] };
  // The first whole transfer makes the buffers that stay.
  for (const target of [nginx, ours]) await start(target, false).done;
  const before = residentBytes(ours.pids);
  const watch = watchGrowth(ours, before);
  for (let round = 0; round < rounds; round += 1) {
    speeds.nginx.push(await start(nginx, false).done);
    speeds.ours.push(await start(ours, false).done);
  }
  const growthMib = watch.stop();
  const watchSlow = watchGrowth(ours, before);
  const slow = start(ours, true);
  // It is ended, not finished.
  const ended = slow.done.catch(() => 0);
  await new Promise((resolve) => setTimeout(resolve, slowMs));
  const slowGrowthMib = watchSlow.stop();
  slow.stop();
  await ended;
  return { way, nginx: speeds.nginx, ours: speeds.ours, growthMib, slowGrowthMib };
}

/** The most that the resident memory was above `before`, in MiB. */
function watchGrowth(target: Target, before: number): { readonly stop: () => number } {
  let most = -Infinity;
  const look = (): void => {
    most = Math.max(most, residentBytes(target.pids) - before);
  };
  const timer = setInterval(look, sampleEveryMs);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return most / mebibyte;
    },
  };
}

function tell(results: readonly WayResult[]): RowResult {
  const findings = results.flatMap(({ way: { name }, nginx, ours, growthMib, slowGrowthMib }): Finding[] => {
    const share = median(ours) / median(nginx);
    return [
      {
        what: `1 GiB ${name}`,
        measured: `${share.toFixed(2)} × nginx's speed`,
        must: '≥ 0.65 ×',
        aim: '0.8 ×',
        met: judge(share, { must: 0.65, aim: 0.8, better: 'more' }),
      },
      {
        what: `Resident memory during 1 GiB ${name}`,
        measured: `${signed(growthMib)} MiB`,
        must: `± ${allowedGrowthMib} MiB`,
        met: judge(growthMib, { must: allowedGrowthMib, better: 'less' }),
      },
      {
        what: name === 'down' ? 'Resident memory with a slow reader' : 'Resident memory with a slow upstream',
        measured: `${signed(slowGrowthMib)} MiB`,
        must: `± ${allowedGrowthMib} MiB`,
        met: judge(slowGrowthMib, { must: allowedGrowthMib, better: 'less' }),
      },
    ];
  });
  const inMib = (speeds: readonly number[]): string =>
    spread(
      speeds.map((speed) => speed / mebibyte),
      0,
    );
  return {
    findings,
    tables: [
      {
        header: ['', 'nginx, MiB/s (least – median – most)', 'Sallyport, MiB/s'],
        lines: results.map(({ way, nginx, ours }) => [way.name, inMib(nginx), inMib(ours)]),
      },
    ],
    plots: [],
    notes: [
      `The slow side takes ${slowBytesPerSecond / mebibyte} MiB/s. Memory is the most that was seen above what it was after a first transfer.`,
    ],
  };
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(0)}`;
}
