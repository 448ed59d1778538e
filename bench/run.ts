/**
 * What Sallyport costs, beside the peers that this machine has. `npm run bench` measures everything in about ten minutes;
 * `npm run bench -- --rows request,memory --rounds 3 --seconds 2` some of it; `--write` puts the result into docs/benchmarks.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { asMarkdown, writePage, type Circumstances, type Told } from './report.ts';
import type { Bench, Row, RowResult } from './row.ts';
import { growthRow } from './rows/growth.ts';
import { latencyRow } from './rows/latency.ts';
import { missRow } from './rows/miss.ts';
import { requestRow } from './rows/request.ts';
import { signInsRow } from './rows/sign-ins.ts';
import { startRow } from './rows/start.ts';
import { transferRow } from './rows/transfer.ts';
import { webSocketsRow } from './rows/websockets.ts';
import { workersRow } from './rows/workers.ts';
import { has, versionOf, type Target } from './targets.ts';

const allRows: readonly Row[] = [
  requestRow,
  missRow,
  growthRow,
  transferRow,
  webSocketsRow,
  latencyRow,
  workersRow,
  signInsRow,
  startRow,
];
const names = allRows.map(({ id }) => id);

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '5' },
    /** Writes docs/benchmarks.md and its plots. */
    write: { type: 'boolean', default: false },
    /** Folder for CPU profiles of the gateway. */
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const chosen = values.rows?.split(',') ?? names;
const unknown = chosen.filter((id) => !names.includes(id));
const missing = ['nginx', 'wrk'].filter((program) => !has(program));
if (values.help || unknown.length > 0) {
  console.error(`${unknown.length > 0 ? `there is no row ${unknown.join(', ')}\n` : ''}rows: ${names.join(', ')}
npm run bench -- [--rows ROW,…] [--rounds N] [--seconds N] [--warm-up N] [--write] [--profile FOLDER]`);
  process.exitCode = values.help ? 0 : 2;
} else if (missing.length > 0) {
  console.error(`the bench needs ${missing.join(' and ')} (Debian: apt-get install nginx-light wrk)`);
  process.exitCode = 1;
} else await runAll(allRows.filter(({ id }) => chosen.includes(id)));

async function runAll(rows: readonly Row[]): Promise<void> {
  const startedAt = Date.now();
  const told: Told[] = [];
  for (const row of rows) {
    console.error(`# ${row.title}`);
    const rowStartedAt = Date.now();
    const result = await runRow(row);
    const seconds = ((Date.now() - rowStartedAt) / 1_000).toFixed(0);
    console.error(`# ${row.title}: ${typeof result === 'string' ? `not measured: ${result}` : 'done'} (${seconds} s)`);
    told.push({ id: row.id, title: row.title, result });
  }
  const circumstances: Circumstances = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'unknown make'}, Linux ${release()}`,
    versions: `Node ${process.version.slice(1)}, wrk ${versionOf('wrk', '-v')}, OpenSSL ${process.versions.openssl}`,
    how: `${values.rounds} rounds of ${values.seconds} s after a warm-up of ${values['warm-up']} s; load: wrk with 64 keep-alive connections, twelve browser headers, five cookies of the app and ours; app: nginx that answers 1 KiB; all on one machine, over loopback; ${((Date.now() - startedAt) / 60_000).toFixed(0)} minutes in all`,
  };
  console.log(asMarkdown(told, circumstances));
  if (values.write) await writePage(join(import.meta.dirname, '..', 'docs'), told, circumstances);
}

/** The row's result, or why there is none: one that fails or hangs does not take the others with it. */
async function runRow(row: Row): Promise<RowResult | string> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const targets: Target[] = [];
  const ends: (() => Promise<unknown>)[] = [];
  const bench: Bench = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    warmUpSeconds: Number(values['warm-up']),
    directory,
    keep: (target) => {
      targets.push(target);
      return target;
    },
    atEnd: (end) => void ends.push(end),
    say: (text) => console.error(`#   ${text}`),
    profile: values.profile,
  };
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${row.limitSeconds} s`)), row.limitSeconds * 1_000);
  });
  try {
    return await Promise.race([row.run(bench), limit]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    await Promise.allSettled(targets.map(({ stop }) => stop()));
    await Promise.allSettled(ends.map((end) => end()));
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
