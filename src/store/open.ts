import type { Runtime } from '../runtime.ts';
import { GatewayError } from '../errors.ts';
import { blurNames } from './blur.ts';
import { createSqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';

export interface OpenStoreOptions {
  /** `memory:`, `sqlite:PATH`, `redis://…` or `rediss://…`, as the configuration has it. */
  readonly url: string;
  /** As `loadStoreSecret` gave it; with it, counters and sets go by names that tell nothing. */
  readonly secret?: Buffer;
  readonly runtime: Runtime;
}

/**
 * Opens the one place where state outlives a request.
 * Throws GatewayError `store-corrupt`, `store-unavailable` or `config-invalid`, each telling what to do.
 *
 * @example await openStore({ url: 'sqlite:/var/lib/sallyport/sallyport.db', secret, runtime })
 */
export async function openStore({ url, secret, runtime }: OpenStoreOptions): Promise<Store> {
  const store = await openByScheme(url, runtime);
  return secret === undefined ? store : blurNames(store, secret);
}

async function openByScheme(url: string, runtime: Runtime): Promise<Store> {
  const scheme = url.slice(0, url.indexOf(':'));
  switch (scheme) {
    case 'memory':
      runtime.log.warn('store.in-memory', { consequence: 'every session ends when this process ends' });
      return createSqliteStore(null, runtime);
    case 'sqlite':
      return createSqliteStore(url.slice('sqlite:'.length), runtime);
    case 'redis':
    case 'rediss':
      // Its client is 20 MiB of memory that a gateway on SQLite has no use for.
      return (await import('./redis.ts')).createRedisStore(url, runtime);
    default:
      throw new GatewayError(
        'config-invalid',
        `store.url "${scheme}:" is not a store; write memory:, sqlite:PATH or redis://HOST:PORT`,
      );
  }
}
