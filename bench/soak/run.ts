/**
 * A gateway under steady load for a long while, with reloads, upstream restarts, visitors who go away and Redis restarts.
 * `npm run soak -- --minutes 10`. Ends with 1 when a request failed that was owed to none of these, when sockets or file
 * descriptors were left open, or when memory grew.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { openClient } from '../client.ts';
import { median } from '../measure.ts';
import { startRedisServer } from '../peers/redis.ts';
import { openFiles, residentBytes } from '../process.ts';
import { startSallyport } from '../sallyport.ts';
import { freePort, type Target } from '../targets.ts';
import { createLedger } from './faults.ts';
import { startAborts, startTraffic } from './traffic.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    workers: { type: 'string', default: '2' },
    /** Share of the measured capacity. */
    share: { type: 'string', default: '0.8' },
  },
});
const mebibyte = 1_048_576;
const connections = 64;
const reloadEveryMs = 15_000;
const upstreamEveryMs = 35_000;
const abortEveryMs = 50;
const calibrateMs = 8_000;
/** Resident memory may differ by this much between the second quarter and the last. */
const allowedGrowthMib = 32;
const allowedFiles = 10;
/** Idle connections to the app are closed by then. */
const settleMs = 90_000;

const directory = mkdtempSync(join(tmpdir(), 'sallyport-soak-'));
const ends: (() => Promise<unknown>)[] = [];
try {
  process.exitCode = await soak(Number(values.minutes) * 60_000);
} finally {
  for (const end of ends.reverse()) await end().catch(() => undefined);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

async function soak(lastsMs: number): Promise<0 | 1> {
  const redisPort = await freePort();
  let redis = await startRedis(redisPort);
  ends.push(() => redis.stop());
  const app = createApp(await freePort());
  await app.start();
  ends.push(app.kill);
  const gateway = await startSallyport(directory, {
    name: 'Sallyport',
    upstreamPort: app.port,
    sessions: 500,
    storeUrl: `redis://127.0.0.1:${redisPort}`,
    workers: Number(values.workers),
  });
  const { target, configFile } = gateway;
  ends.push(target.stop);
  const cookies = gateway.tokens.map((token) => `${gateway.cookieName}=${token}`);

  const ledger = createLedger(() => performance.now());
  const traffic = startTraffic({ port: target.port, cookies, connections, onFailure: ledger.record });
  const filesAtRest = openFiles(target.pids);
  traffic.setRate(Infinity);
  await delay(calibrateMs);
  traffic.takeServed();
  await delay(calibrateMs);
  const capacity = traffic.takeServed() / (calibrateMs / 1_000);
  const rate = capacity * Number(values.share);
  traffic.setRate(rate);
  console.log(
    `${values.workers} worker(s), capacity ${capacity.toFixed(0)} requests/s with ${connections} connections; ${values.minutes} minutes at ${rate.toFixed(0)} requests/s`,
  );

  const startedMs = performance.now();
  const isOver = (): boolean => performance.now() - startedMs >= lastsMs;
  const memory: number[] = [];
  const files: number[] = [];
  const sampling = setInterval(() => {
    memory.push(residentBytes(target.pids) / mebibyte);
    files.push(openFiles(target.pids));
  }, 1_000);
  ends.push(async () => clearInterval(sampling));
  const aborts = startAborts(target.port, cookies, abortEveryMs);
  let generation = 0;
  let served = 0;
  const repeat = async (everyMs: number, act: () => Promise<void>): Promise<void> => {
    for (;;) {
      for (let waited = 0; waited < everyMs; waited += 250) {
        await delay(250);
        // None is begun that could not be seen through.
        if (performance.now() - startedMs > lastsMs - 8_000) return;
      }
      await act();
    }
  };
  await Promise.all([
    repeat(reloadEveryMs, () =>
      ledger.during('reload', 0, async () => {
        reload(configFile, target, (generation += 1));
        await delay(2_000);
      }),
    ),
    repeat(upstreamEveryMs, () =>
      ledger.during('upstream restart', 1_500, async () => {
        await app.kill();
        await delay(500);
        await app.start();
      }),
    ),
    repeat(Math.max(40_000, lastsMs / 4), () =>
      ledger.during('Redis restart', 4_000, async () => {
        await redis.stop();
        await delay(1_000);
        redis = await startRedis(redisPort);
        await untilServed(target, cookies[0] ?? '');
      }),
    ),
    (async () => {
      while (!isOver()) await delay(250);
    })(),
  ]);
  const abortCount = aborts.stop();
  await traffic.stop();
  served += traffic.takeServed();
  clearInterval(sampling);
  const filesAfter = await untilAtRest(target, filesAtRest);

  const { faults, owed, notOwed } = ledger.settle();
  const count = (name: string): number => faults.filter((fault) => fault.name === name).length;
  const quarter = Math.floor(memory.length / 4);
  const [second, last] = [median(memory.slice(quarter, quarter * 2)), median(memory.slice(-quarter))];
  const grown = last - second;
  console.log(`
served            ${served} requests, ${(served / (lastsMs / 1_000)).toFixed(0)} a second; ${traffic.late()} came too late to be sent
faults            ${count('reload')} reloads, ${count('upstream restart')} upstream restarts, ${count('Redis restart')} Redis restarts, ${abortCount} visitors who went away
failed, owed      ${
    Object.entries(owed)
      .map(([name, failed]) => `${failed} to ${name}s`)
      .join(', ') || 'none'
  }
failed, not owed  ${notOwed.length}
file descriptors  ${filesAtRest} before, at most ${Math.max(...files)} under load, ${filesAfter} after
resident memory   ${second.toFixed(0)} MiB in the second quarter, ${last.toFixed(0)} MiB in the last; at most ${Math.max(...memory).toFixed(0)} MiB
over time, MiB    ${everyTenth(memory)
    .map((value) => value.toFixed(0))
    .join(' ')}`);
  for (const { startedMs: at, endedMs, status, error } of notOwed.slice(0, 10))
    console.log(`  ${((at - startedMs) / 1_000).toFixed(1)} s, ${(endedMs - at).toFixed(0)} ms: ${error ?? status}`);
  const problems = [
    ...(notOwed.length > 0 ? [`${notOwed.length} requests failed that were owed to no fault`] : []),
    ...(filesAfter > filesAtRest + allowedFiles ? [`${filesAfter - filesAtRest} file descriptors were left open`] : []),
    ...(grown > allowedGrowthMib ? [`resident memory grew by ${grown.toFixed(0)} MiB`] : []),
    ...(target.pids.some((pid) => !isAlive(pid)) ? ['the gateway ended'] : []),
  ];
  console.log(problems.length === 0 ? '\nnothing failed, nothing leaked' : `\n${problems.join('\n')}`);
  return problems.length === 0 ? 0 : 1;
}

/** Keeps what it is told over a restart, as a Redis in service does. */
async function startRedis(port: number): Promise<Target> {
  const redis = await startRedisServer(directory, { port, keeps: true });
  if (redis === null) throw new Error('the soak needs redis-server (Debian: apt-get install redis-server)');
  return redis;
}

function createApp(port: number) {
  let child: ChildProcess | null = null;
  return {
    port,
    start: async (): Promise<void> => {
      child = spawn(process.execPath, [join(import.meta.dirname, 'app.ts'), `${port}`], { stdio: 'ignore' });
      for (;;) {
        const client = await openClient(port, null).catch(() => null);
        if (client !== null) return client.close();
        await delay(20);
      }
    },
    kill: async (): Promise<void> => {
      const gone = new Promise((resolve) => child?.once('exit', resolve));
      child?.kill('SIGKILL');
      await gone;
    },
  };
}

/** A configuration that differs in every reload, so that all is built anew. */
function reload(configFile: string, target: Target, generation: number): void {
  const config = parse(readFileSync(configFile, 'utf8')) as { routes: unknown[] };
  const [first] = config.routes;
  const more = { id: `extra-${generation}`, host: `extra-${generation}.test`, upstream: 'http://127.0.0.1:9' };
  writeFileSync(configFile, stringify({ ...config, routes: [first, more] }));
  process.kill(target.pids[0] ?? 0, 'SIGHUP');
}

async function untilServed(target: Target, cookie: string): Promise<void> {
  for (;;) {
    const client = await openClient(target.port, cookie).catch(() => null);
    const answer = await client?.ask().catch(() => null);
    client?.close();
    if (answer?.status === 200) return;
    await delay(100);
  }
}

/** Waits for connections that are kept for a while to be closed; what is left then is left for good. */
async function untilAtRest(target: Target, before: number): Promise<number> {
  const endMs = performance.now() + settleMs;
  while (performance.now() < endMs && openFiles(target.pids) > before + allowedFiles / 2) await delay(500);
  return openFiles(target.pids);
}

function everyTenth(samples: readonly number[]): readonly number[] {
  const step = Math.max(1, Math.floor(samples.length / 20));
  return samples.filter((_, index) => index % step === 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
