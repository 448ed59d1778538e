import { bars } from '../svg.ts';
import { writeLoadScript } from '../load.ts';
import { measureCosts, median, ratio, spread, type Cost, type Subject } from '../measure.ts';
import { startApache } from '../peers/apache.ts';
import { startOauth2Proxy } from '../peers/oauth2-proxy.ts';
import {
  startCaddy,
  startCaddyForwardAuth,
  startHaproxy,
  startNginxProxy,
  startNodeHello,
  startUpstream,
} from '../peers/proxies.ts';
import { startProvider } from '../peers/provider.ts';
import { startRedisServer } from '../peers/redis.ts';
import { judge, type Bench, type Finding, type Row, type RowResult } from '../row.ts';
import { startSallyport } from '../sallyport.ts';

const sessions = 10_000;

/** What an authenticated request costs, beside every peer that this machine has. */
export const requestRow: Row = {
  id: 'request',
  title: 'An authenticated request',
  limitSeconds: 420,
  run: async (bench) => {
    const missing: string[] = [];
    const subjects = await startAll(bench, missing);
    bench.say(`${subjects.length} gateways, ${bench.rounds} rounds of ${bench.seconds} s`);
    const costs = await measureCosts(subjects, bench);
    return tell(costs, missing, bench);
  },
};

async function startAll(bench: Bench, missing: string[]): Promise<readonly Subject[]> {
  const { directory, keep, say } = bench;
  const upstream = keep(await startUpstream(directory));
  const plain = writeLoadScript(directory, { cookieName: 'other', tokens: ['x'.repeat(43)] });
  const subjects: Subject[] = [{ target: keep(await startNginxProxy(directory, upstream.port)), script: plain }];
  const optional = async (name: string, start: () => Promise<Subject | null>): Promise<void> => {
    try {
      const subject = await start();
      if (subject === null) missing.push(`${name}: not on this machine`);
      else subjects.push({ ...subject, target: keep(subject.target) });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(`${name} is left out: ${why}`);
      missing.push(`${name}: could not be started (${why})`);
    }
  };
  const unscripted = (start: Promise<Subject['target'] | null>): Promise<Subject | null> =>
    start.then((target) => target && { target, script: plain });
  await optional('haproxy', () => unscripted(startHaproxy(directory, upstream.port)));
  await optional('node:http', () => unscripted(startNodeHello(directory)));
  await optional('caddy', () => unscripted(startCaddy(directory, upstream.port)));
  await optional('caddy forward_auth', () => unscripted(startCaddyForwardAuth(directory, upstream.port)));
  const provider = await startProvider(directory).catch(() => null);
  if (provider !== null) {
    keep(provider);
    await optional('Apache with mod_auth_openidc', () => startApache(directory, upstream.port, provider));
    await optional('oauth2-proxy', () => startOauth2Proxy(directory, upstream.port, provider));
  } else missing.push('Apache with mod_auth_openidc and oauth2-proxy: no OpenID provider could be started');
  const redis = await startRedisServer(directory);
  if (redis === null) missing.push('Sallyport on Redis: there is no redis-server');
  else keep(redis);
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
    const { target, tokens, cookieName } = gateway;
    subjects.push({ target: keep(target), script: writeLoadScript(directory, { tokens, cookieName }) });
  }
  return subjects;
}

function tell(costs: readonly Cost[], missing: readonly string[], bench: Bench): RowResult {
  const byName = (start: string): Cost | undefined => costs.find(({ name }) => name.startsWith(start));
  const nginx = byName('nginx');
  const ours = byName('Sallyport (SQLite)');
  const findings: Finding[] = [];
  for (const name of ['Sallyport (SQLite)', 'Sallyport (Redis)']) {
    const cost = byName(name);
    if (cost === undefined || nginx === undefined) continue;
    const times = ratio(cost, nginx);
    findings.push({
      what: `Authenticated request, ${name}, near cache`,
      measured: `${times.toFixed(2)} × nginx`,
      must: '≤ 3.6 ×',
      aim: '≤ 2.9 ×',
      met: judge(times, { must: 3.6, aim: 2.9, better: 'less' }),
    });
  }
  for (const [name, must] of [
    ['Apache', 2.5],
    ['caddy forward_auth', 2.3],
    ['oauth2-proxy', 2],
  ] as const) {
    const peer = byName(name);
    if (peer === undefined || ours === undefined) {
      findings.push({
        what: `Requests a core beside ${name}`,
        measured: 'not on this machine',
        must: `≥ ${must} ×`,
        aim: '≥ 3.3 ×',
        met: 'not judged',
      });
      continue;
    }
    const times = ratio(peer, ours);
    findings.push({
      what: `Requests a core beside ${peer.name}`,
      measured: `${times.toFixed(2)} ×`,
      must: `≥ ${must} ×`,
      aim: '≥ 3.3 ×',
      met: judge(times, { must, aim: 3.3, better: 'more' }),
    });
  }
  const sorted = costs.toSorted((a, b) => median(a.micros) - median(b.micros));
  return {
    findings,
    tables: [
      {
        header: ['gateway', 'version', 'µs of CPU a request (least – median – most)', '× nginx', 'requests/s and core'],
        lines: sorted.map((cost) => [
          cost.name,
          cost.version,
          spread(cost.micros),
          nginx === undefined ? '' : ratio(cost, nginx).toFixed(2),
          (1e6 / median(cost.micros)).toFixed(0),
        ]),
      },
    ],
    plots: [
      {
        file: 'bench-requests.svg',
        caption: 'Requests a second and core, by gateway',
        svg: bars({
          title: 'Requests a second and core',
          unit: '',
          entries: sorted.map((cost) => ({
            label: cost.name,
            value: 1e6 / median(cost.micros),
            low: 1e6 / Math.max(...cost.micros),
            high: 1e6 / Math.min(...cost.micros),
            isOurs: cost.name.startsWith('Sallyport'),
          })),
        }),
      },
    ],
    notes: [
      `Median of ${bench.rounds} rounds of ${bench.seconds} s, after ${bench.warmUpSeconds} s of warm-up each; ratios are medians of the ratios within a round.`,
      `Sallyport: ${sessions} sessions by Zipf's law, access log, metrics and request ids on. caddy forward_auth: the figure holds caddy and its auth server, an nginx that says yes to everything.`,
      ...missing,
    ],
  };
}
