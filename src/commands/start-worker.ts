import { freezeDeeply } from '../config/complete.ts';
import type { Config } from '../config/schema.ts';
import { createGateway, type PreparedReload, type SingleGateway } from '../gateway.ts';
import { createLineWriter } from '../observability/line-writer.ts';
import { createLog } from '../observability/log.ts';
import type { Order, WorkerLine } from '../server/worker-line.ts';
import type { CommandContext, ExitCode } from './context.ts';

/** Serves as one of several processes: configuration, reloads and the end come from the supervisor. */
export async function startWorker(context: CommandContext, line: WorkerLine<Config>): Promise<ExitCode> {
  const orders = takeOrders(line);
  // A terminal sends its signals to workers too; they wait for the supervisor's word.
  for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) context.onSignal(signal, () => undefined);
  const config = freezeDeeply(await orders.settings);
  const lines = createLineWriter(context.stdout.write);
  const log = createLog({ level: config.log.level, write: lines.write, pretty: context.stdout.isTTY });
  const { now, randomBytes, fetch } = context;
  try {
    const gateway = createGateway({ config, runtime: { now, randomBytes, fetch, log }, worker: true });
    context.onSurprise((error) => log.error('surprise', { error }));
    await gateway.start();
    line.report({ kind: 'serving' });
    const obey = createObedience(gateway, line);
    orders.onOrder((order) =>
      obey(order).catch((error: unknown) => log.error('worker.order-failed', { order: order.kind, error })),
    );
    await orders.stopped;
    await gateway.stop();
    return 0;
  } finally {
    lines.flush();
    // A worker that could not start must end too, so that its supervisor hears of it.
    line.close();
  }
}

interface Orders {
  readonly settings: Promise<Config>;
  readonly stopped: Promise<void>;
  /** Hears of all other orders one after the other, also of those that came before. */
  readonly onOrder: (listener: (order: Order<Config>) => Promise<unknown>) => void;
}

function takeOrders(line: WorkerLine<Config>): Orders {
  const { promise: settings, resolve: setSettings } = Promise.withResolvers<Config>();
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const { promise: listener, resolve: setListener } =
    Promise.withResolvers<(order: Order<Config>) => Promise<unknown>>();
  let last: Promise<unknown> = listener;
  line.onOrder((order) => {
    if (order.kind === 'start') setSettings(order.settings);
    else if (order.kind === 'stop') stop();
    // Metrics are not held up by a reload.
    else if (order.kind === 'metrics') void listener.then((hear) => hear(order));
    else last = last.then(async () => (await listener)(order));
  });
  return { settings, stopped, onOrder: setListener };
}

function createObedience(gateway: SingleGateway, line: WorkerLine<Config>) {
  let prepared: { readonly id: number; readonly reload: PreparedReload } | null = null;
  return async (order: Order<Config>): Promise<void> => {
    switch (order.kind) {
      case 'prepare': {
        const reload = gateway.prepare(freezeDeeply(order.settings));
        prepared = reload && { id: order.id, reload };
        return line.report({ kind: 'prepared', id: order.id, taken: reload !== null });
      }
      case 'commit': {
        // One that started while the others prepared.
        const reload = prepared?.id === order.id ? prepared.reload : gateway.prepare(freezeDeeply(order.settings));
        prepared = null;
        return reload?.commit();
      }
      case 'abort': {
        const reload = prepared?.reload;
        prepared = null;
        return reload?.abort();
      }
      case 'metrics':
        return line.report({ kind: 'metrics', id: order.id, metrics: await gateway.metrics() });
      case 'start':
      case 'stop':
        return undefined;
    }
  };
}
