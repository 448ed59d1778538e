/**
 * Cost of an authenticated request beside plain proxies, all in one run: microseconds of user and system time of the
 * process tree per completed request, rounds interleaved, medians, as a ratio to nginx. `npm run bench -- --rounds 5 --seconds 5`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMicroseconds, residentBytes } from './cpu.ts';
import { load, writeLoadScript } from './load.ts';
import {
  freePort,
  has,
  startCaddy,
  startHaproxy,
  startNginx,
  startTarget,
  startUpstream,
  type Target,
} from './peers.ts';
import { makeSessions } from './sessions.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    sessions: { type: 'string', default: '10000' },
    // Folder for a CPU profile of the gateway.
    profile: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const warmUpSeconds = 8;

const missing = ['nginx', 'wrk'].filter((program) => !has(program));
if (missing.length > 0) {
  console.error(`the bench needs ${missing.join(' and ')} on the PATH (Debian: apt-get install nginx-light wrk)`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
const targets: Target[] = [];
let upstream: Target | undefined;
try {
  upstream = await startUpstream(directory);
  targets.push(await startNginx(directory, upstream.port));
  for (const peer of [await startHaproxy(directory, upstream.port), await startCaddy(directory, upstream.port)])
    if (peer) targets.push(peer);
  const { gateway, tokens } = await startSallyport(directory, upstream.port, Number(values.sessions));
  targets.push(gateway);
  const script = writeLoadScript(directory, 'sallyport', tokens);

  const costs = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  const rates = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  // Long enough for the compilers, and for nearly every session to have been asked for once.
  for (const target of targets) await load(target.port, script, warmUpSeconds);
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) {
      const before = cpuMicroseconds(target.pid);
      const result = await load(target.port, script, seconds);
      if (result.errors > 0) throw new Error(`${target.name}: ${result.errors} of ${result.requests} requests failed`);
      costs.get(target.name)?.push((cpuMicroseconds(target.pid) - before) / result.requests);
      rates.get(target.name)?.push(result.requestsPerSecond);
    }
  }

  const base = median(costs.get('nginx proxy_pass') ?? []);
  console.log(
    `\nnode ${process.version}, ${rounds} rounds of ${seconds} s after a warm-up of ${warmUpSeconds} s, ${tokens.length} sessions (Zipf), wrk with 64 connections, upstream nginx answering 1 KiB\n`,
  );
  console.log('| gateway | version | µs CPU a request (min – median – max) | × nginx | requests/s |');
  console.log('|---|---|---|---|---|');
  for (const { name, version } of targets) {
    const cost = costs.get(name) ?? [];
    const spread = [Math.min(...cost), median(cost), Math.max(...cost)].map((value) => value.toFixed(1)).join(' – ');
    console.log(
      `| ${name} | ${version} | ${spread} | ${(median(cost) / base).toFixed(2)} | ${median(rates.get(name) ?? []).toFixed(0)} |`,
    );
  }
  console.log(
    `\nresident memory of the gateway after the load: ${(residentBytes(gateway.pid) / 1_048_576).toFixed(0)} MiB`,
  );
} finally {
  for (const target of [...targets, ...(upstream ? [upstream] : [])]) target.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

async function startSallyport(
  parent: string,
  upstreamPort: number,
  sessionCount: number,
): Promise<{ gateway: Target; tokens: readonly string[] }> {
  const port = await freePort();
  const file = join(parent, 'sallyport.yaml');
  writeFileSync(
    file,
    `server: { listen: 127.0.0.1:${port} }
admin: { listen: "off" }
store: { url: "sqlite:./sallyport.db", secret: 8c1f0b7d5e3a49826cbb1f04aa97e6d3 }
session: { lifetime: 12h }
signIn: { local: { users: ./users.yaml } }
routes: [ { id: wiki, host: app.test, upstream: "http://127.0.0.1:${upstreamPort}" } ]
`,
  );
  const tokens = await makeSessions(parent, file, sessionCount);
  const cli = join(import.meta.dirname, '..', 'src', 'cli.ts');
  const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const args = [...profiling, cli, 'start', '--config', file];
  return {
    gateway: await startTarget('sallyport', port, process.execPath, args, { cwd: parent, version: 'this tree' }),
    tokens,
  };
}
