import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { AdminListener } from './admin/listener.ts';
import { fixedAtStart, keepFixed } from './config/fixed.ts';
import type { Config } from './config/schema.ts';
import { watchFiles } from './config/watch.ts';
import { describeFault, type Fault } from './faults.ts';
import { createNetworkSet } from './request/client-address.ts';
import type { Runtime } from './runtime.ts';
import { openAdminDoor } from './server/admin-door.ts';
import { layFoundation, type Foundation } from './server/foundation.ts';
import { createFront, type Front } from './server/front.ts';
import { createProxyProtocol } from './server/proxy-protocol.ts';
import { listen, type Listener, type ListenHandlers } from './server/listen.ts';
import { endTokensOfGone } from './server/token-owners.ts';

/** A gateway that runs: the whole product behind one value. */
export interface Gateway {
  /** Opens the store, reads the users, listens. Rejects with a GatewayError that says what to do. */
  readonly start: () => Promise<void>;
  /** Puts another configuration in force without dropping a connection. A configuration that can't be built changes nothing. */
  readonly reload: (config: Config) => Promise<void>;
  /** Tells log and metrics of a configuration that was not taken. */
  readonly reloadRefused: (faults: readonly Fault[]) => void;
  /** Drains: no new connection, requests finish, WebSockets close with 1001; what is left after `drainTimeout` is cut. */
  readonly stop: () => Promise<void>;
  readonly addresses: () => {
    readonly public: readonly (AddressInfo | string)[];
    readonly admin: AddressInfo | string | null;
  };
}

/** A configuration that has been built beside the one in force. Do one of the two, once. */
export interface PreparedReload {
  /** Puts it in force without dropping a connection. */
  readonly commit: () => Promise<void>;
  readonly abort: () => Promise<void>;
}

/** A gateway of one process, or one worker of several. */
export interface SingleGateway extends Gateway {
  /** Builds a configuration without putting it in force. Null, and a line in the log, when it can't be built. */
  readonly prepare: (config: Config) => PreparedReload | null;
  /** The metrics of this process, for a supervisor to add up. */
  readonly metrics: () => Promise<unknown>;
}

export interface GatewayOptions {
  readonly config: Config;
  readonly runtime: Runtime;
  /** One of several processes: the supervisor has the admin listener and asks for the metrics. */
  readonly worker?: boolean;
}

/** Builds a gateway. Nothing is opened before `start`. */
export function createGateway({ config: first, runtime, worker = false }: GatewayOptions): SingleGateway {
  const { log } = runtime;
  let config = first;
  let trusted = createNetworkSet(first.server.trustedProxies);
  let running: {
    readonly foundation: Foundation;
    readonly listeners: Listener[];
    readonly admin: AdminListener | null;
    readonly unwatch: () => void;
  } | null = null;
  let front: Front | null = null;
  let isDraining = false;

  const currentFront = (): Front => {
    if (front === null) throw new Error('the gateway has not been started');
    return front;
  };

  const start = async (): Promise<void> => {
    const foundation = await layFoundation(config, runtime);
    const listeners: Listener[] = [];
    try {
      front = createFront(config, foundation, runtime);
      front.takeOver();
      const handlers: ListenHandlers = {
        request: (request, response) => currentFront().request(request, response),
        upgrade: (request, socket, head, respondHead) => currentFront().upgrade(request, socket, head, respondHead),
        unreadable: (status, socket) => currentFront().unreadable(status, socket),
      };
      const { limits } = config.server;
      const proxyProtocol = config.server.proxyProtocol
        ? createProxyProtocol({ isTrusted: (address) => trusted.has(address), timeoutMs: limits.handshakeTimeout, log })
        : null;
      for (const entry of config.server.listen)
        listeners.push(await listen({ entry, handlers, limits, tls: foundation.tls, proxyProtocol, runtime }));
      if (config.server.redirectHttp !== undefined)
        listeners.push(
          await listen({
            entry: { ...config.server.redirectHttp, tls: false },
            handlers: {
              request: (request, response) => currentFront().redirect.request(request, response),
              upgrade: (request, socket, head) => currentFront().redirect.upgrade(request, socket, head),
              unreadable: handlers.unreadable,
            },
            limits,
            tls: null,
            proxyProtocol,
            runtime,
          }),
        );
      const { registry } = foundation.metrics;
      const admin = worker
        ? null
        : await openAdminDoor({
            config: config.admin,
            foundation,
            metrics: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
            notReady: () => (isDraining ? 'shutting down' : null),
            log,
          });
      const users = watchFiles(
        config.signIn.local === null ? [] : [config.signIn.local.users],
        () => void reloadUsers(foundation),
        { runtime },
      );
      // What an access token opened ends with it.
      foundation.accessTokens.onEnded(() => void foundation.traffic.judgeAgain(currentFront().gate));
      const certificates = watchFiles(
        foundation.tls?.certificates.files ?? [],
        () => reloadCertificates(foundation, listeners),
        { runtime },
      );
      const unwatch = (): void => {
        users.stop();
        certificates.stop();
      };
      running = { foundation, listeners, admin, unwatch };
    } catch (error) {
      for (const listener of listeners) {
        void listener.drain();
        listener.cut();
      }
      await foundation.close();
      throw error;
    }
    log.info('gateway.started', {
      publicUrl: config.server.publicUrl,
      routes: config.routes.length,
      store: foundation.store.kind,
    });
  };

  const reloadCertificates = ({ tls }: Foundation, listeners: readonly Listener[]): void => {
    tls?.certificates.reload();
    for (const listener of listeners) listener.refreshTls();
  };

  const reloadUsers = async ({ directory, traffic, audit, accessTokens }: Foundation): Promise<void> => {
    const before = directory.revision;
    const faults = await directory.reload();
    if (faults.length > 0) audit('users.refused', null, { faults: faults.length });
    if (directory.revision === before) return;
    audit('users.reloaded', null, {});
    await traffic.judgeAgain(currentFront().gate);
    await endTokensOfGone(accessTokens, directory, log);
  };

  const prepare = (next: Config): PreparedReload | null => {
    if (running === null) return null;
    const { foundation, listeners } = running;
    const inForce = keepFixed(next, first);
    let built: Front;
    try {
      built = createFront(inForce, foundation, runtime);
    } catch (error) {
      log.error('config.refused', { audit: true, error });
      return null;
    }
    return {
      abort: built.retire,
      commit: async () => {
        const old = front;
        front = built;
        built.takeOver();
        config = inForce;
        trusted = createNetworkSet(config.server.trustedProxies);
        reloadCertificates(foundation, listeners);
        await reloadUsers(foundation);
        await foundation.traffic.judgeAgain(currentFront().gate);
        // Not waited for: an event stream would hold up every later reload, and the end.
        old?.retire().catch((error: unknown) => log.warn('gateway.retire-failed', { error }));
      },
    };
  };

  return {
    start,
    prepare,
    metrics: async () => running?.foundation.metrics.registry.getMetricsAsJSON() ?? [],
    reload: async (next) => {
      if (running === null) return;
      const { metrics, audit } = running.foundation;
      const prepared = prepare(next);
      metrics.reload(prepared === null ? 'refused' : 'succeeded');
      if (prepared === null) return;
      tellOfReload(next, first, { log, audit });
      await prepared.commit();
    },
    reloadRefused: (faults) => {
      const [fault] = faults;
      const place = fault === undefined ? '' : describeFault(fault);
      log.error('config.refused', { audit: true, faults: faults.length, first: place });
      running?.foundation.metrics.reload('refused');
    },
    stop: async () => {
      if (running === null) return;
      const { foundation, listeners, admin, unwatch } = running;
      isDraining = true;
      running = null;
      unwatch();
      const drained = Promise.all(listeners.map((listener) => listener.drain()));
      foundation.traffic.closeTunnels();
      const cut = setTimeout(() => {
        log.warn('gateway.cut', { afterMs: config.server.drainTimeout });
        for (const listener of listeners) listener.cut();
        foundation.traffic.closeAll();
      }, config.server.drainTimeout);
      await drained;
      clearTimeout(cut);
      await front?.retire();
      await admin?.close();
      await foundation.close();
    },
    addresses: () => ({
      public: running?.listeners.map(({ address }) => address) ?? [],
      admin: running?.admin?.address ?? null,
    }),
  };
}

/** Tells log and audit of a configuration that is taken, and of settings in it that wait for a restart. */
export function tellOfReload(
  next: Config,
  first: Config,
  { log, audit }: { readonly log: Runtime['log']; readonly audit: Foundation['audit'] },
): void {
  const atStart = fixedAtStart(first);
  const needRestart = Object.entries(fixedAtStart(next)).flatMap(([key, value]) =>
    isDeepStrictEqual(value, atStart[key]) ? [] : [key],
  );
  if (needRestart.length > 0) log.warn('config.needs-restart', { settings: needRestart.join(', ') });
  audit('config.reloaded', null, { routes: next.routes.length });
}
