import type { AdminListener } from './admin/listener.ts';
import type { Config } from './config/schema.ts';
import { describeFault } from './faults.ts';
import { keepFixed } from './config/fixed.ts';
import { tellOfReload, type Gateway } from './gateway.ts';
import { createMetricsCollector } from './observability/cluster-metrics.ts';
import type { Runtime } from './runtime.ts';
import { openAdminDoor } from './server/admin-door.ts';
import type { ListenEntry } from './server/config.ts';
import { layFoundation, type Foundation } from './server/foundation.ts';
import { reserveAddress } from './server/open-address.ts';
import { forkWorker, superviseWorkers, type Workers } from './server/workers.ts';

/** Beyond the drain timeout a worker has this long to close what it holds, before it is ended. Milliseconds. */
const closingMs = 10_000;

/**
 * A gateway of several processes: the workers serve visitors on one address, this one has the admin listener and sees to it
 * that they live. All hear of each other's sign-outs and counts through the store. Workers read no configuration file: they get
 * what is in force from here, also those that replace others, so that all serve by the same.
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
    readonly workers: Workers<Config>;
    readonly admin: AdminListener | null;
    /** As started, with the ports that were had for 0. */
    readonly first: Config;
  } | null = null;
  let isDraining = false;

  return {
    start: async () => {
      const first = await reserveAddresses(config);
      // Makes the secret and reads the users before a worker does: faults are told once, and nothing is made twice.
      const foundation = await layFoundation(config, runtime);
      const workers = superviseWorkers({ count, settings: first, fork: forkWorker<Config>, runtime });
      let admin: AdminListener | null = null;
      try {
        admin = await openAdminDoor({
          config: config.admin,
          foundation,
          metrics: createMetricsCollector({ own: foundation.metrics.registry, ask: workers.metrics }),
          notReady: () => (isDraining ? 'shutting down' : workers.ready() === 0 ? 'no worker serves' : null),
          log,
        });
        await workers.started;
      } catch (error) {
        await workers.stop(closingMs);
        await admin?.close();
        await foundation.close();
        throw error;
      }
      running = { foundation, workers, admin, first };
      log.info('gateway.started', { publicUrl: config.server.publicUrl, workers: count, store: foundation.store.kind });
    },
    reload: async (next) => {
      if (running === null) return;
      const { foundation, workers, first } = running;
      const isTaken = await workers.reload(keepFixed(next, first));
      foundation.metrics.reload(isTaken ? 'succeeded' : 'refused');
      // Compared with what was written, not with the port that 0 became.
      if (isTaken) tellOfReload(next, config, { log, audit: foundation.audit });
      else
        log.error('config.refused', { audit: true, reason: 'a worker could not build it; all go on with the old one' });
    },
    reloadRefused: (faults) => {
      const [fault] = faults;
      log.error('config.refused', {
        audit: true,
        faults: faults.length,
        first: fault === undefined ? '' : describeFault(fault),
      });
      running?.foundation.metrics.reload('refused');
    },
    stop: async () => {
      if (running === null) return;
      const { foundation, workers, admin } = running;
      isDraining = true;
      running = null;
      await workers.stop(config.server.drainTimeout + closingMs);
      await admin?.close();
      await foundation.close();
    },
    addresses: () => ({
      public: (running?.first.server.listen ?? []).map((address) =>
        address.kind === 'unix'
          ? address.path
          : { address: address.host, family: address.host.includes(':') ? 'IPv6' : 'IPv4', port: address.port },
      ),
      admin: running?.admin?.address ?? null,
    }),
  };
}

/** The configuration with the ports that were had for 0. Throws `listen-failed`. */
async function reserveAddresses(config: Config): Promise<Config> {
  const { server } = config;
  const listen: ListenEntry[] = [];
  for (const address of server.listen) listen.push(await reserveAddress(address));
  const redirectHttp = server.redirectHttp && (await reserveAddress(server.redirectHttp));
  return { ...config, server: { ...server, listen, ...(redirectHttp && { redirectHttp }) } };
}
