import test from 'ava';
import { superviseWorkers, type WorkerProcess, type WorkerTiming } from '../../../src/server/workers.ts';
import type { Order, Report } from '../../../src/server/worker-line.ts';
import { eventually } from '../../support/programs.ts';

type Settings = string;

/** A worker that does what the test says. */
interface Puppet {
  readonly id: number;
  readonly orders: Order<Settings>[];
  readonly report: (report: Report) => void;
  readonly die: (signal?: string) => void;
  readonly lastId: (kind: 'prepare' | 'metrics') => number;
}

function setStage({ count = 2, timing = {} }: { count?: number; timing?: Partial<WorkerTiming> } = {}) {
  const puppets: Puppet[] = [];
  const lines: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let nowMs = 0;
  const note = (event: string, fields: Readonly<Record<string, unknown>> = {}) => void lines.push({ event, fields });
  const fork = (): WorkerProcess<Settings> => {
    const orders: Order<Settings>[] = [];
    let hear = (_report: Report): void => undefined;
    let exit = (_code: number | null, _signal: string | null): void => undefined;
    const puppet: Puppet = {
      id: puppets.length + 1,
      orders,
      report: (report) => hear(report),
      die: (signal = 'SIGKILL') => exit(null, signal),
      lastId: (kind) => {
        const order = orders.findLast((one) => one.kind === kind);
        return order !== undefined && 'id' in order ? order.id : -1;
      },
    };
    puppets.push(puppet);
    return {
      id: puppet.id,
      send: (order) => void orders.push(order),
      onReport: (listener) => (hear = listener),
      onExit: (listener) => (exit = listener),
      kill: () => setImmediate(puppet.die, 'SIGKILL'),
    };
  };
  const workers = superviseWorkers<Settings>({
    count,
    settings: 'first',
    fork,
    runtime: { now: () => nowMs, log: { debug: note, info: note, warn: note, error: note } },
    timing: { first: 1, longest: 8, steady: 1_000, ...timing },
  });
  return {
    workers,
    puppets,
    lines,
    pass: (ms: number) => (nowMs += ms),
    /** All that live say that they serve. */
    serveAll: () => {
      for (const puppet of puppets) puppet.report({ kind: 'serving' });
    },
    delays: () => lines.filter(({ event }) => event === 'worker.died').map(({ fields }) => fields['replacedAfterMs']),
  };
}

const serving = { kind: 'serving' } as const;

test('has started when every worker serves', async (t) => {
  const { workers, puppets } = setStage();
  puppets[0]!.report(serving);
  t.is(workers.ready(), 1);
  puppets[1]!.report(serving);
  await workers.started;
  t.is(workers.ready(), 2);
});

test('fails to start when a worker ends before it serves', async (t) => {
  const { workers, puppets } = setStage();
  puppets[0]!.die();
  await t.throwsAsync(workers.started, { message: /could not start a worker/ });
  const stopped = workers.stop(1_000);
  puppets[1]!.die();
  await stopped;
});

test('replaces one that dies, ever more slowly when it dies at once again, and at once when it had served long', async (t) => {
  const { puppets, serveAll, delays, pass } = setStage({ count: 1 });
  serveAll();
  for (let death = 1; death <= 6; death += 1) {
    puppets.at(-1)!.die();
    await eventually('a new one', () => puppets.length === death + 1);
    puppets.at(-1)!.report(serving);
  }
  t.deepEqual(delays(), [1, 2, 4, 8, 8, 8]);
  pass(1_000);
  puppets.at(-1)!.die();
  await eventually('a new one', () => puppets.length === 8);
  puppets.at(-1)!.die();
  t.deepEqual(delays().slice(6), [1, 2]);
});

test('puts settings in force in all workers, and starts later ones with them', async (t) => {
  const { workers, puppets, serveAll } = setStage();
  serveAll();
  const reloaded = workers.reload('second');
  for (const puppet of puppets) puppet.report({ kind: 'prepared', id: puppet.lastId('prepare'), taken: true });
  t.true(await reloaded);
  for (const { orders } of puppets)
    t.deepEqual(
      orders.map((order) => [order.kind, 'settings' in order ? order.settings : null]),
      [
        ['start', 'first'],
        ['prepare', 'second'],
        ['commit', 'second'],
      ],
    );
  puppets[0]!.die();
  await eventually('a new one', () => puppets.length === 3);
  t.deepEqual(puppets[2]!.orders, [{ kind: 'start', settings: 'second' }]);
});

test('puts settings in force nowhere when one worker refuses them or says nothing', async (t) => {
  const { workers, puppets, serveAll } = setStage({ timing: { prepare: 30 } });
  serveAll();
  for (const answer of [false, null]) {
    const reloaded = workers.reload('second');
    puppets[0]!.report({ kind: 'prepared', id: puppets[0]!.lastId('prepare'), taken: true });
    if (answer !== null) puppets[1]!.report({ kind: 'prepared', id: puppets[1]!.lastId('prepare'), taken: answer });
    t.false(await reloaded);
  }
  for (const { orders } of puppets)
    t.deepEqual(
      orders.map(({ kind }) => kind),
      ['start', 'prepare', 'abort', 'prepare', 'abort'],
    );
  puppets[0]!.die();
  await eventually('a new one', () => puppets.length === 3);
  t.deepEqual(puppets[2]!.orders, [{ kind: 'start', settings: 'first' }]);
});

test('a worker that dies during a reload has no say in it', async (t) => {
  const { workers, puppets, serveAll } = setStage();
  serveAll();
  const reloaded = workers.reload('second');
  puppets[0]!.report({ kind: 'prepared', id: puppets[0]!.lastId('prepare'), taken: true });
  puppets[1]!.die();
  t.true(await reloaded);
  await eventually('a new one', () => puppets.length === 3);
  // Whether it was born before or after the word: it serves by the new settings.
  const [start, ...more] = puppets[2]!.orders;
  t.true((start?.kind === 'start' && start.settings === 'second') || more.some(({ kind }) => kind === 'commit'));
});

test('ends and replaces a worker that is silent, and leaves those that speak', async (t) => {
  const { puppets, serveAll, lines } = setStage({ timing: { silent: 200 } });
  serveAll();
  const chatter = setInterval(() => puppets[0]!.report({ kind: 'alive' }), 5);
  t.teardown(() => clearInterval(chatter));
  await eventually('a new one', () => puppets.length === 3);
  t.deepEqual(
    lines.filter(({ event }) => event === 'worker.stuck').map(({ fields }) => fields['worker']),
    [2],
  );
});

test('collects metrics of all, and null for one that is silent', async (t) => {
  const { workers, puppets, serveAll } = setStage({ timing: { metrics: 30 } });
  serveAll();
  const told = workers.metrics();
  puppets[0]!.report({ kind: 'metrics', id: puppets[0]!.lastId('metrics'), metrics: ['a'] });
  t.deepEqual(await told, [
    { id: 1, metrics: ['a'] },
    { id: 2, metrics: null },
  ]);
});

test('stops all, ends those that do not, and replaces none', async (t) => {
  const { workers, puppets, serveAll } = setStage();
  serveAll();
  const stopped = workers.stop(20);
  t.deepEqual(
    puppets.map(({ orders }) => orders.at(-1)?.kind),
    ['stop', 'stop'],
  );
  puppets[0]!.die('SIGTERM');
  await stopped;
  t.is(puppets.length, 2);
});
