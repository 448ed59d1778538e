import cluster from 'node:cluster';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { isReport, type Order, type Report } from './worker-line.ts';

/** One worker as its supervisor sees it. */
export interface WorkerProcess<Settings> {
  readonly id: number;
  readonly send: (order: Order<Settings>) => void;
  readonly onReport: (listener: (report: Report) => void) => void;
  readonly onExit: (listener: (code: number | null, signal: string | null) => void) => void;
  /** Ends it without asking. */
  readonly kill: () => void;
}

export interface WorkersOptions<Settings> {
  readonly count: number;
  /** What the workers start with. */
  readonly settings: Settings;
  readonly fork: () => WorkerProcess<Settings>;
  readonly runtime: Pick<Runtime, 'now' | 'log'>;
  readonly timing?: Partial<WorkerTiming>;
}

/** All in milliseconds. */
export interface WorkerTiming {
  /** A worker that dies is replaced after `first`; one that dies soon again after twice that, and so on up to `longest`. */
  readonly first: number;
  readonly longest: number;
  /** Who served this long did not die of its start. */
  readonly steady: number;
  /** Who says nothing for this long is stuck, and replaced. */
  readonly silent: number;
  /** How long a worker may take to build a configuration, and to tell its metrics. */
  readonly prepare: number;
  readonly metrics: number;
}

const usualTiming: WorkerTiming = {
  first: 100,
  longest: 30_000,
  steady: 10_000,
  silent: 30_000,
  prepare: 20_000,
  metrics: 2_000,
};
const looksAtSilence = 10;

/** What one worker told of its metrics; null when it said nothing in time. */
export interface WorkerMetrics {
  readonly id: number;
  readonly metrics: unknown;
}

export interface Workers<Settings> {
  /** Resolves when every worker listens; rejects when one ends before that. */
  readonly started: Promise<void>;
  /** How many serve now. */
  readonly ready: () => number;
  /** Puts other settings in force in all workers, or, when one of them can't build them, in none. True when in force. */
  readonly reload: (settings: Settings) => Promise<boolean>;
  readonly metrics: () => Promise<readonly WorkerMetrics[]>;
  /** Drains every worker; resolves when all are gone. Who is still there after `limitMs` is ended. */
  readonly stop: (limitMs: number) => Promise<void>;
}

interface Member<Settings> extends WorkerProcess<Settings> {
  readonly gone: Promise<void>;
  isServing: boolean;
  heardLooks: number;
}

/**
 * Keeps `count` workers running with the same settings. One that dies is replaced, one that is stuck is ended and replaced; those
 * that die at once again and again are replaced ever more slowly.
 */
export function superviseWorkers<Settings>(options: WorkersOptions<Settings>): Workers<Settings> {
  const { count, fork, runtime } = options;
  const { now, log } = runtime;
  const timing = { ...usualTiming, ...options.timing };
  const members = new Set<Member<Settings>>();
  const replacements = new Set<NodeJS.Timeout>();
  const answers = createAnswers();
  let settings = options.settings;
  let isStopping = false;
  const { promise: started, resolve: isStarted, reject: failStart } = Promise.withResolvers<void>();
  // Nobody may be waiting for it yet when a worker fails at once.
  started.catch(() => undefined);

  const ready = (): number => [...members].filter(({ isServing }) => isServing).length;

  const run = (quickDeaths: number): void => {
    const { promise: gone, resolve: isGone } = Promise.withResolvers<void>();
    const member: Member<Settings> = { ...fork(), gone, isServing: false, heardLooks: 0 };
    let servesSinceMs: number | null = null;
    members.add(member);
    member.onReport((report) => {
      member.heardLooks = 0;
      if (report.kind === 'prepared') answers.give(`prepare ${report.id} ${member.id}`, report.taken);
      if (report.kind === 'metrics') answers.give(`metrics ${report.id} ${member.id}`, report.metrics);
      if (report.kind !== 'serving') return;
      member.isServing = true;
      servesSinceMs = now();
      if (ready() === count) isStarted();
    });
    member.onExit((code, signal) => {
      members.delete(member);
      isGone();
      if (isStopping) return;
      const wasSteady = servesSinceMs !== null && now() - servesSinceMs >= timing.steady;
      const afterMs = wasSteady ? timing.first : Math.min(timing.first * 2 ** quickDeaths, timing.longest);
      log.error('worker.died', { worker: member.id, code, signal, replacedAfterMs: afterMs });
      if (servesSinceMs === null)
        failStart(new GatewayError('internal', 'could not start a worker; its own lines say why'));
      const timer = setTimeout(() => {
        replacements.delete(timer);
        run(wasSteady ? 1 : quickDeaths + 1);
      }, afterMs);
      replacements.add(timer);
    });
    member.send({ kind: 'start', settings });
  };
  for (let index = 0; index < count; index += 1) run(0);

  // Counted in looks, not by the clock: when this process itself was stopped, its workers are not to blame.
  const watch = setInterval(() => {
    for (const member of members) {
      member.heardLooks += 1;
      if (!member.isServing || member.heardLooks <= looksAtSilence) continue;
      log.error('worker.stuck', { worker: member.id, silentForMs: timing.silent });
      member.kill();
    }
  }, timing.silent / looksAtSilence).unref();

  /** Asks all, and waits for an answer of each, its end, or the limit; then `otherwise` stands for the answer. */
  const askAll = <T>(
    order: Order<Settings> & { readonly id: number },
    limitMs: number,
    otherwise: (isGone: boolean) => T,
  ) =>
    Promise.all(
      [...members].map(async (member): Promise<{ member: Member<Settings>; answer: unknown }> => {
        const key = `${order.kind} ${order.id} ${member.id}`;
        const answered = answers.wait(key, limitMs, otherwise(false));
        member.send(order);
        return { member, answer: await Promise.race([answered, member.gone.then(() => otherwise(true))]) };
      }),
    );
  let orders = 0;

  return {
    started,
    ready,
    reload: async (next) => {
      const id = (orders += 1);
      // Who dies meanwhile has no say: the next one starts with what is then in force.
      const told = await askAll({ kind: 'prepare', id, settings: next }, timing.prepare, (isGone) => isGone);
      const isTaken = told.every(({ answer }) => answer === true);
      if (isTaken) settings = next;
      for (const member of members) member.send(isTaken ? { kind: 'commit', id, settings } : { kind: 'abort', id });
      return isTaken;
    },
    metrics: async () => {
      const id = (orders += 1);
      const told = await askAll({ kind: 'metrics', id }, timing.metrics, () => null);
      return told.map(({ member, answer }) => ({ id: member.id, metrics: answer }));
    },
    stop: async (limitMs) => {
      isStopping = true;
      clearInterval(watch);
      for (const timer of replacements) clearTimeout(timer);
      for (const member of members) member.send({ kind: 'stop' });
      const limit = setTimeout(() => {
        for (const member of members) {
          log.error('worker.stuck', { worker: member.id, silentForMs: limitMs });
          member.kill();
        }
      }, limitMs);
      await Promise.all([...members].map(({ gone }) => gone));
      clearTimeout(limit);
    },
  };
}

/** Questions that wait for an answer from another process. */
function createAnswers() {
  const waiting = new Map<string, (answer: unknown) => void>();
  return {
    give: (key: string, answer: unknown): void => waiting.get(key)?.(answer),
    wait: (key: string, limitMs: number, otherwise: unknown): Promise<unknown> =>
      new Promise((resolve) => {
        const done = (answer: unknown): void => {
          clearTimeout(limit);
          waiting.delete(key);
          resolve(answer);
        };
        const limit = setTimeout(done, limitMs, otherwise).unref();
        waiting.set(key, done);
      }),
  };
}

/** Starts a copy of this process as a worker. */
export function forkWorker<Settings>(): WorkerProcess<Settings> {
  // Workers take connections themselves. Were they handed out here, one that is under way when all hang up would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  // Configurations hold more than JSON can say.
  cluster.setupPrimary({ serialization: 'advanced' });
  const worker = cluster.fork();
  // A message to a worker that has just died.
  worker.on('error', () => undefined);
  return {
    id: worker.id,
    send: (order) => {
      if (worker.isConnected()) worker.send(order);
    },
    onReport: (listener) =>
      void worker.on('message', (message: unknown) => {
        if (isReport(message)) listener(message);
      }),
    onExit: (listener) => void worker.on('exit', listener),
    kill: () => worker.kill('SIGKILL'),
  };
}
