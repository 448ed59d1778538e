import type { AdminListener } from './admin/listener.ts';
import type { Config } from './config/schema.ts';
import { describeFault } from './faults.ts';
import type { Gateway } from './gateway.ts';
import { createMetricsCollector } from './observability/cluster-metrics.ts';
import type { Runtime } from './runtime.ts';
import { openAdminDoor } from './server/admin-door.ts';
import { layFoundation, type Foundation } from './server/foundation.ts';
import { superviseWorkers, type Workers } from './server/workers.ts';

/**
 * A gateway of several processes: the workers serve visitors on one address, this one has the admin listener and sees to it
 * that they live. All hear of each other's sign-outs and counts through the store.
 */
export function createSupervisor({
  config,
  count,
  runtime,
}: {
  readonly config: Config;
  readonly count: number;
  readonly runtime: Runtime;
}): Gateway {
  const { log } = runtime;
  let running: {
    readonly foundation: Foundation;
    readonly workers: Workers;
    readonly admin: AdminListener | null;
  } | null = null;
  let isDraining = false;

  return {
    start: async () => {
      // Makes the secret and reads the users before a worker does: faults are told once, and nothing is made twice.
      const foundation = await layFoundation(config, runtime);
      const workers = superviseWorkers({ count, log });
      try {
        const admin = await openAdminDoor({
          config: config.admin,
          foundation,
          metrics: createMetricsCollector(),
          notReady: () => (isDraining ? 'shutting down' : workers.ready() === 0 ? 'no worker serves' : null),
          log,
        });
        await workers.started;
        running = { foundation, workers, admin };
      } catch (error) {
        await workers.stop();
        await foundation.close();
        throw error;
      }
      log.info('gateway.started', { publicUrl: config.server.publicUrl, workers: count, store: foundation.store.kind });
    },
    // The workers read the file again themselves; this process has found it good.
    reload: async () => running?.workers.reload(),
    reloadRefused: (faults) => {
      const [fault] = faults;
      log.error('config.refused', {
        audit: true,
        faults: faults.length,
        first: fault === undefined ? '' : describeFault(fault),
      });
    },
    stop: async () => {
      if (running === null) return;
      const { foundation, workers, admin } = running;
      isDraining = true;
      running = null;
      await workers.stop();
      await admin?.close();
      await foundation.close();
    },
    addresses: () => ({ public: [], admin: running?.admin?.address ?? null }),
  };
}
