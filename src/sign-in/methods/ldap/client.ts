import { GatewayError, hasCode } from '../../../errors.ts';
import type { Runtime } from '../../../runtime.ts';
import { createSlots } from '../../slots.ts';
import { createLdapConnection, type LdapConnection } from './connection.ts';
import { openSocket, type LdapServer, type LdapTls } from './socket.ts';

export interface LdapClientOptions {
  /** In order of preference. */
  readonly servers: readonly LdapServer[];
  readonly tls: LdapTls;
  /** Account that searches; null: searches are anonymous. */
  readonly service: { readonly name: string; readonly password: string } | null;
  /** Connections of the service account at most, idle ones included; as many others check passwords. */
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly runtime: Pick<Runtime, 'now' | 'log'>;
}

/** Connections to the directory: the first server that answers. All methods reject with `directory-unavailable`. */
export interface LdapClient {
  /**
   * Lends a connection on which the service account is bound. `use` only reads: when the connection breaks under it, it is run
   * once more on a new one. Rejects with `sign-in-busy` when too many wait, and with `directory-refused` when the service
   * account is not let in.
   */
  readonly asService: <T>(use: (connection: LdapConnection) => Promise<T>) => Promise<T>;
  /** Lends a new connection that nobody is bound on, and closes it. `use` is never run twice: it may have bound already. */
  readonly unbound: <T>(use: (connection: LdapConnection) => Promise<T>) => Promise<T>;
  readonly close: () => void;
}

/** A server that failed is asked last for this long. */
const avoidForMs = 30_000;
/** A service account that was refused is not tried again before: some directories lock accounts for it. */
const refusedForMs = 30_000;
/** Idle connections are closed before firewalls forget them. */
const idleMs = 60_000;
const maxWaiting = 200;
const patienceMs = 10_000;

interface Idle {
  readonly connection: LdapConnection;
  readonly timer: NodeJS.Timeout;
}

/** @example createLdapClient({ servers, tls, service, poolSize: 4, connectTimeoutMs: 3_000, requestTimeoutMs: 5_000, runtime }) */
export function createLdapClient(options: LdapClientOptions): LdapClient {
  const { servers, tls, service, poolSize, connectTimeoutMs, requestTimeoutMs, runtime } = options;
  const { now, log } = runtime;
  const failedAtMs = new Map<LdapServer, number>();
  const idle: Idle[] = [];
  const slots = createSlots({ maxWaiting });
  let isClosed = false;
  let refused: { readonly error: GatewayError; readonly atMs: number } | null = null;

  const inOrder = (): readonly LdapServer[] => {
    const isAvoided = (server: LdapServer): boolean => now() - (failedAtMs.get(server) ?? -Infinity) < avoidForMs;
    return [...servers.filter((server) => !isAvoided(server)), ...servers.filter(isAvoided)];
  };
  const avoid = (server: LdapServer, error: unknown): void => {
    if (!failedAtMs.has(server)) log.warn('ldap.server-failed', { server: server.shown, error });
    failedAtMs.set(server, now());
  };

  const openAt = async (server: LdapServer): Promise<LdapConnection> => {
    const socket = await openSocket(server, tls, connectTimeoutMs);
    return createLdapConnection({ socket, server, timeoutMs: requestTimeoutMs });
  };
  /** The first server where it works; what is not the server's fault is not tried elsewhere. */
  const atFirst = async (open: (server: LdapServer) => Promise<LdapConnection>): Promise<LdapConnection> => {
    let last: unknown;
    for (const server of inOrder()) {
      if (isClosed) break;
      try {
        const connection = await open(server);
        if (failedAtMs.delete(server)) log.info('ldap.server-back', { server: server.shown });
        return connection;
      } catch (error) {
        if (!hasCode(error, 'directory-unavailable')) throw error;
        avoid(server, error);
        last = error;
      }
    }
    throw last instanceof Error ? last : new GatewayError('directory-unavailable', 'could not connect: closed');
  };

  const bindService = async (connection: LdapConnection): Promise<void> => {
    if (service === null) return;
    const { code, diagnostic } = await connection.bind(service.name, service.password);
    if (code === 0) return;
    const words = `code ${code}${diagnostic === '' ? '' : ` (${diagnostic})`}`;
    const error = new GatewayError(
      'directory-refused',
      `could not bind as ${service.name} at ${connection.server.shown}: ${words}`,
    );
    log.error('ldap.service-refused', { server: connection.server.shown, error });
    refused = { error, atMs: now() };
    throw error;
  };

  const openService = async (server: LdapServer): Promise<LdapConnection> => {
    if (refused !== null && now() - refused.atMs < refusedForMs) throw refused.error;
    const connection = await openAt(server);
    try {
      await bindService(connection);
      refused = null;
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  };

  const takeIdle = (): LdapConnection | null => {
    for (let entry = idle.pop(); entry !== undefined; entry = idle.pop()) {
      clearTimeout(entry.timer);
      if (entry.connection.isOpen()) return entry.connection;
    }
    return null;
  };
  const putIdle = (connection: LdapConnection): void => {
    if (!connection.isOpen()) return;
    if (isClosed) return connection.close();
    const entry: Idle = {
      connection,
      timer: setTimeout(() => {
        idle.splice(idle.indexOf(entry), 1);
        connection.close();
      }, idleMs),
    };
    entry.timer.unref();
    idle.push(entry);
  };

  /** A place among `poolSize`, in order of arrival. */
  const inTurn = async <T>(queue: 'service' | 'visitors', work: () => Promise<T>): Promise<T> => {
    const leave = await slots.acquire(queue, poolSize, patienceMs);
    if (leave === null) throw new GatewayError('sign-in-busy', 'could not ask the directory: too many wait for it');
    try {
      return await work();
    } finally {
      leave();
    }
  };

  const readTwice = async <T>(use: (connection: LdapConnection) => Promise<T>): Promise<T> => {
    for (let isFirst = true; ; isFirst = false) {
      const known = isFirst ? takeIdle() : null;
      const connection = known ?? (await atFirst(openService));
      try {
        return await use(connection);
      } catch (error) {
        if (!hasCode(error, 'directory-unavailable')) throw error;
        connection.close();
        // An idle connection may have died unheard; with a new one the server is at fault, and another may do better.
        if (known === null) avoid(connection.server, error);
        if (!isFirst || (known === null && servers.length === 1)) throw error;
      } finally {
        putIdle(connection);
      }
    }
  };

  return {
    asService: (use) => inTurn('service', () => readTwice(use)),
    unbound: (use) =>
      inTurn('visitors', async () => {
        const connection = await atFirst(openAt);
        try {
          return await use(connection);
        } catch (error) {
          if (hasCode(error, 'directory-unavailable')) avoid(connection.server, error);
          throw error;
        } finally {
          connection.close();
        }
      }),
    close: () => {
      isClosed = true;
      for (const { connection, timer } of idle.splice(0)) {
        clearTimeout(timer);
        connection.close();
      }
    },
  };
}
