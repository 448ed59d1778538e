import { lines } from '../svg.ts';
import { writeLoadScript } from '../load.ts';
import { measureCosts, median, ratio, spread, type Cost, type Subject } from '../measure.ts';
import { startUpstream } from '../peers/proxies.ts';
import { judge, type Bench, type Row } from '../row.ts';
import { startSallyport } from '../sallyport.ts';

const askedFor = 2_000;

interface Step {
  readonly of: 'routes' | 'rules' | 'sessions';
  readonly count: number;
}
const steps: readonly Step[] = [
  { of: 'routes', count: 1 },
  { of: 'routes', count: 100 },
  { of: 'routes', count: 10_000 },
  { of: 'rules', count: 1 },
  { of: 'rules', count: 1_000 },
  { of: 'sessions', count: 100 },
  { of: 'sessions', count: 10_000 },
  { of: 'sessions', count: 1_000_000 },
];

/** Whether the cost of a request grows with what it has nothing to do with. */
export const growthRow: Row = {
  id: 'growth',
  title: 'Many routes, rules and sessions',
  limitSeconds: 360,
  run: async (bench) => {
    const upstream = bench.keep(await startUpstream(bench.directory));
    const subjects: Subject[] = [];
    for (const step of steps) {
      bench.say(`${step.count} ${step.of}`);
      subjects.push(await start(step, upstream.port, bench));
    }
    bench.say(`${subjects.length} gateways`);
    const costs = await measureCosts(subjects, { ...bench, seconds: Math.min(bench.seconds, 2) });
    const of = (kind: Step['of']): { readonly step: Step; readonly cost: Cost }[] =>
      steps.flatMap((step, index) => {
        const cost = costs[index];
        return step.of === kind && cost !== undefined ? [{ step, cost }] : [];
      });
    const kinds = ['routes', 'rules', 'sessions'] as const;
    return {
      findings: kinds.flatMap((kind) => {
        const [first, last] = [of(kind).at(0), of(kind).at(-1)];
        if (first === undefined || last === undefined) return [];
        const growth = (ratio(last.cost, first.cost) - 1) * 100;
        const where =
          kind === 'rules' ? 'rules on another route' : kind === 'sessions' ? 'sessions in the store' : kind;
        return [
          {
            what: `${first.step.count.toLocaleString('en')} → ${last.step.count.toLocaleString('en')} ${where}`,
            measured: `${growth >= 0 ? '+' : '−'}${Math.abs(growth).toFixed(1)} % a request`,
            must: '≤ +10 %',
            aim: 'flat',
            met: judge(growth, { must: 10, aim: 3, better: 'less' }),
          },
        ];
      }),
      tables: [
        {
          header: ['', 'µs of CPU a request (least – median – most)'],
          lines: steps.map(({ of: kind, count }, index) => [
            `${count.toLocaleString('en')} ${kind}`,
            spread(costs[index]?.micros ?? []),
          ]),
        },
      ],
      plots: [
        {
          file: 'bench-growth.svg',
          caption: 'Cost of a request against the number of routes, rules and sessions',
          svg: lines({
            title: 'µs of CPU a request',
            series: kinds.map((kind) => ({
              label: kind,
              points: of(kind).map(({ step, cost }) => ({ x: step.count, y: median(cost.micros) })),
            })),
          }),
        },
      ],
      notes: [
        `Everything else is the same everywhere: one app, ${askedFor} people asking by Zipf's law (100 where there are only 100 sessions).`,
      ],
    };
  },
};

async function start({ of, count }: Step, upstreamPort: number, bench: Bench): Promise<Subject> {
  const sessions = of === 'sessions' ? Math.min(count, askedFor) : askedFor;
  const gateway = await startSallyport(bench.directory, {
    name: `${count} ${of}`,
    upstreamPort,
    sessions,
    ...(of === 'sessions' && { idleSessions: count - sessions }),
    routes:
      of === 'routes' ? manyRoutes(count - 1, upstreamPort) : of === 'rules' ? manyRules(count, upstreamPort) : [],
  });
  const { tokens, cookieName } = gateway;
  return { target: bench.keep(gateway.target), script: writeLoadScript(bench.directory, { tokens, cookieName }) };
}

/** Half of them on hosts of their own, half below the host that is asked for. */
function manyRoutes(count: number, upstreamPort: number): readonly unknown[] {
  return Array.from({ length: count }, (_, index) => ({
    upstream: `http://127.0.0.1:${upstreamPort}`,
    ...(index % 2 === 0 ? { host: `app${index}.test` } : { host: 'app.test', path: `/other/${index}` }),
  }));
}

function manyRules(count: number, upstreamPort: number): readonly unknown[] {
  const access = Array.from({ length: count }, (_, index) => ({
    allow: { groups: [`group-${index}`] },
    when: { paths: [`/area/${index}/**`] },
  }));
  return [{ id: 'ruled', host: 'ruled.test', upstream: `http://127.0.0.1:${upstreamPort}`, access }];
}
