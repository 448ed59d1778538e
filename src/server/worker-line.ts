import cluster from 'node:cluster';

/** What a supervisor says to a worker. `settings` is the whole configuration: no worker reads a file that may have changed meanwhile. */
export type Order<Settings> =
  | { readonly kind: 'start'; readonly settings: Settings }
  /** Build this configuration, but go on with the old one. */
  | { readonly kind: 'prepare'; readonly id: number; readonly settings: Settings }
  /** Put it in force; who has not been asked to prepare it builds it now. */
  | { readonly kind: 'commit'; readonly id: number; readonly settings: Settings }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'stop' };

/** What a worker says to its supervisor. */
export type Report =
  | { readonly kind: 'serving' }
  /** Said every few seconds: the event loop turns. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'prepared'; readonly id: number; readonly taken: boolean }
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: unknown };

/** How often a worker says that it lives. Milliseconds. */
export const aliveEveryMs = 2_000;

const orderKinds = ['start', 'prepare', 'commit', 'abort', 'metrics', 'stop'];
const reportKinds = ['serving', 'alive', 'prepared', 'metrics'];

/** The worker's end of the line to its supervisor. */
export interface WorkerLine<Settings> {
  readonly report: (report: Report) => void;
  /** Hears of every order, also of those that came before. */
  readonly onOrder: (listener: (order: Order<Settings>) => void) => void;
  /** Hangs up, so that the process can end. */
  readonly close: () => void;
}

/** Null in a process that is no worker. Listens from now on. */
export function openWorkerLine<Settings>(): WorkerLine<Settings> | null {
  const worker = cluster.worker;
  if (!cluster.isWorker || worker === undefined) return null;
  const early: Order<Settings>[] = [];
  let hear = (order: Order<Settings>): void => void early.push(order);
  worker.on('message', (message: unknown) => {
    if (isOrder<Settings>(message)) hear(message);
  });
  const report = (message: Report): void => {
    if (worker.isConnected()) worker.send(message);
  };
  const alive = setInterval(() => report({ kind: 'alive' }), aliveEveryMs).unref();
  return {
    report,
    onOrder: (listener) => {
      hear = listener;
      for (const order of early.splice(0)) listener(order);
    },
    close: () => {
      clearInterval(alive);
      if (worker.isConnected()) worker.disconnect();
    },
  };
}

// Both ends are this program; the kind is looked at because others (a profiler, say) may use the channel too.
function isOrder<Settings>(message: unknown): message is Order<Settings> {
  return hasKind(message, orderKinds);
}

/** Whether a message of a worker is meant for its supervisor. */
export function isReport(message: unknown): message is Report {
  return hasKind(message, reportKinds);
}

function hasKind(message: unknown, kinds: readonly string[]): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    typeof message.kind === 'string' &&
    kinds.includes(message.kind)
  );
}
