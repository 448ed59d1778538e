import cluster, { type Worker } from 'node:cluster';
import { GatewayError } from '../errors.ts';
import type { Log } from '../runtime.ts';

export interface WorkersOptions {
  readonly count: number;
  readonly log: Log;
}

export interface Workers {
  /** Resolves when every worker listens; rejects when one ends before that. */
  readonly started: Promise<void>;
  /** How many serve now. */
  readonly ready: () => number;
  /** Asks every worker to read the configuration again. */
  readonly reload: () => void;
  /** Drains every worker; resolves when all are gone. */
  readonly stop: () => Promise<void>;
}

/** A worker that dies is replaced after this long, so that one that can't start does not spin. Milliseconds. */
const replaceAfterMs = 500;

/** Messages from the supervisor to its workers. */
export type WorkerMessage = 'reload' | 'stop';

/** Runs `count` copies of this process that share the listening addresses (node:cluster). */
export function superviseWorkers({ count, log }: WorkersOptions): Workers {
  const serving = new Set<Worker>();
  const alive = new Set<Worker>();
  let stopping = false;
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const started = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));

  const fork = (): void => {
    const worker = cluster.fork();
    alive.add(worker);
    worker.on('message', (message: unknown) => {
      if (message !== 'serving') return;
      serving.add(worker);
      if (serving.size === count) settle?.resolve();
    });
    worker.on('exit', (code, signal) => {
      alive.delete(worker);
      const served = serving.delete(worker);
      if (stopping) return;
      log.error('worker.died', { worker: worker.id, code, signal });
      if (!served) settle?.reject(new GatewayError('internal', 'could not start a worker; its own lines say why'));
      setTimeout(() => {
        if (!stopping) fork();
      }, replaceAfterMs);
    });
  };
  // Nobody may be waiting for it yet when a worker fails at once.
  started.catch(() => undefined);
  for (let index = 0; index < count; index += 1) fork();

  const tell = (message: WorkerMessage): void => {
    for (const worker of alive) if (worker.isConnected()) worker.send(message);
  };
  return {
    started,
    ready: () => serving.size,
    reload: () => tell('reload'),
    stop: async () => {
      stopping = true;
      const gone = [...alive].map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())));
      tell('stop');
      await Promise.all(gone);
    },
  };
}

/** The worker's end of the line. */
export interface WorkerLine {
  readonly serving: () => void;
  readonly onMessage: (listener: (message: WorkerMessage) => void) => void;
  /** Hangs up, so that the process can end. */
  readonly close: () => void;
}

/** Null in a process that is no worker. */
export function workerLine(): WorkerLine | null {
  const worker = cluster.worker;
  if (!cluster.isWorker || worker === undefined) return null;
  return {
    serving: () => void worker.send('serving'),
    onMessage: (listener) =>
      void worker.on('message', (message: unknown) => {
        if (message === 'reload' || message === 'stop') listener(message);
      }),
    close: () => worker.disconnect(),
  };
}
