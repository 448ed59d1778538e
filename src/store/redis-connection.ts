import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import KeyvRedis, { createClient, createCluster, createSentinel } from '@keyv/redis';
import { GatewayError } from '../errors.ts';
import type { Log } from '../runtime.ts';
import type { RedisAddress } from './redis-url.ts';

/** A command that has no answer by then is given up; together with the client's own limits nothing takes longer than 1.5 s. */
const answerMs = 1_400;
/** How long the start waits for the server before it goes on without. */
const firstConnectMs = 2_000;
const retryMs = 500;

type ChannelListener = (message: string, channel: string) => void;

/** What the store needs of Redis, alike for one server, Cluster and Sentinel. */
export interface RedisConnection {
  /** For messages: hosts, no credentials. */
  readonly shown: string;
  /** Runs commands; whatever goes wrong comes out as `store-unavailable` within 1.5 s. `doing` completes "could not …". */
  readonly attempt: <T>(doing: string, act: () => Promise<T>) => Promise<T>;
  readonly get: (key: string) => Promise<string | null>;
  readonly run: (script: string, key: string, args: readonly string[]) => Promise<unknown>;
  readonly publish: (channel: string, message: string) => Promise<unknown>;
  readonly records: (namespace: string) => KeyvRedis<string>;
  /** Subscribes once the server is there, and again by itself whenever it returns. `onTrouble`: messages may be lost from here on. */
  readonly subscribe: (channels: readonly string[], listener: ChannelListener, onTrouble: () => void) => void;
  readonly close: () => Promise<void>;
}

/** The part that all kinds of clients share. */
interface AnyClient {
  readonly isOpen: boolean;
  readonly on: (event: string, listener: (...args: unknown[]) => void) => unknown;
  readonly setMaxListeners: (count: number) => unknown;
  readonly connect: () => Promise<unknown>;
  readonly destroy: () => unknown;
  readonly get: (key: string) => Promise<string | null>;
  readonly eval: (script: string, options: { keys: string[]; arguments: string[] }) => Promise<unknown>;
  readonly publish: (channel: string, message: string) => Promise<unknown>;
  readonly subscribe: (channels: string[], listener: ChannelListener) => Promise<unknown>;
}

interface Clients {
  readonly commands: AnyClient;
  /** Its own connection: a subscribed one takes no commands. Cluster and Sentinel clients keep one inside. */
  readonly subscriber: AnyClient;
  readonly records: (namespace: string) => KeyvRedis<string>;
}

const authenticationFault = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)/;

/**
 * Connects to Redis. A server that is down does not stop the start: commands are refused until it is there. One that refuses
 * our password does. Throws `config-invalid` and `store-unavailable`.
 */
export async function connectRedis(address: RedisAddress, log: Log): Promise<RedisConnection> {
  const state = { isClosed: false, wasConnected: false };
  const { commands, subscriber, records } = createClients(address, (error) =>
    !state.wasConnected && authenticationFault.test(error.message) ? error : null,
  );
  const clients = commands === subscriber ? [commands] : [commands, subscriber];
  for (const client of clients) {
    client.setMaxListeners(0);
    // Without a listener an error event would end the process; the commands that it hits tell by themselves.
    client.on('error', (error) => log.debug('store.redis-error', { server: address.shown, error }));
  }

  const connect = async (client: AnyClient): Promise<void> => {
    while (!state.isClosed) {
      try {
        await client.connect();
        return;
      } catch (error) {
        if (!state.wasConnected && authenticationFault.test(rootMessage(error))) throw error;
        await delay(retryMs, undefined, { ref: false });
      }
    }
  };
  const close = async (): Promise<void> => {
    state.isClosed = true;
    for (const client of clients) {
      if (client.isOpen) await Promise.resolve(client.destroy()).catch(() => undefined);
    }
  };

  const connected = connect(commands).then(() => {
    state.wasConnected = true;
    return true;
  });
  try {
    const isThere = await Promise.race([connected, delay(firstConnectMs, false)]);
    if (!isThere) log.warn('store.unreachable', { server: address.shown, consequence: 'signed-in visitors get 503' });
  } catch (error) {
    await close();
    throw new GatewayError('store-unavailable', `could not sign in at redis ${address.shown}: ${rootMessage(error)}`, {
      cause: error,
    });
  }
  connected.catch((error: unknown) => log.error('store.sign-in-refused', { server: address.shown, error }));

  const attempt = async <T>(doing: string, act: () => Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${answerMs} ms`)), answerMs);
    });
    try {
      return await Promise.race([act(), deadline]);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError(
        'store-unavailable',
        `could not ${doing} in redis ${address.shown}: ${rootMessage(error)}`,
        {
          cause: error,
        },
      );
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    shown: address.shown,
    attempt,
    get: (key) => commands.get(key),
    run: (script, key, args) => commands.eval(script, { keys: [key], arguments: [...args] }),
    publish: (channel, message) => commands.publish(channel, message),
    records,
    subscribe: (channels, listener, onTrouble) => {
      for (const event of ['error', 'reconnecting', 'end', 'node-error', 'node-disconnect', 'topology-change']) {
        subscriber.on(event, onTrouble);
      }
      const start = async (): Promise<void> => {
        await (subscriber === commands ? connected : connect(subscriber));
        while (!state.isClosed) {
          try {
            await subscriber.subscribe([...channels], listener);
            return;
          } catch {
            await delay(retryMs, undefined, { ref: false });
          }
        }
      };
      start().catch((error: unknown) => log.error('store.sign-in-refused', { server: address.shown, error }));
    },
    close,
  };
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What node-redis throws when told to give up wraps the server's answer.
  if ('originalError' in error && error.originalError instanceof Error) return error.originalError.message;
  return error.message;
}

function createClients(address: RedisAddress, giveUp: (error: Error) => Error | null): Clients {
  const tls = address.tls ? { tls: true as const, ...readCertificates(address.caFile) } : {};
  const options = {
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    // node-redis would keep commands for a server that is down, for ever; a gateway must say so at once.
    disableOfflineQueue: true,
    commandsQueueMaxLength: 50_000,
    // A frozen server is noticed because it answers no ping.
    pingInterval: 400,
    socket: {
      ...tls,
      connectTimeout: 1_000,
      socketTimeout: 1_000,
      reconnectStrategy: (retries: number, cause: Error) =>
        giveUp(cause) ?? Math.min(50 * 2 ** Math.min(retries, 10), 1_000),
    },
  };
  const withRecords = (client: ConstructorParameters<typeof KeyvRedis<string>>[0]) => (namespace: string) =>
    new KeyvRedis<string>(client, { namespace, throwOnErrors: true });

  switch (address.kind) {
    case 'single': {
      const [node] = address.nodes;
      const client = createClient({
        ...options,
        database: address.database,
        socket: { ...options.socket, host: node?.host ?? '', port: node?.port ?? 0 },
      });
      return { commands: client, subscriber: client.duplicate(), records: withRecords(client) };
    }
    case 'cluster': {
      const client = createCluster({
        rootNodes: address.nodes.map(({ host, port }) => ({ socket: { host, port } })),
        defaults: options,
      });
      return { commands: client, subscriber: client, records: withRecords(client) };
    }
    case 'sentinel': {
      const client = createSentinel({
        name: address.master,
        sentinelRootNodes: address.nodes.map(({ host, port }) => ({ host, port })),
        nodeClientOptions: { ...options, database: address.database },
        sentinelClientOptions: { socket: options.socket },
        scanInterval: 1_000,
        passthroughClientErrorEvents: true,
      });
      return { commands: client, subscriber: client, records: withRecords(client) };
    }
  }
}

function readCertificates(file: string | null): { readonly ca?: string } {
  if (file === null) return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new GatewayError('config-invalid', `store.url names certificates in ${file} that can't be read`, {
      cause: error,
    });
  }
}
