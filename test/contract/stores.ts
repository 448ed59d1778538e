import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestRuntime } from '../support/runtime.ts';
import type { TestRuntime } from '../support/runtime.ts';
import { startRedis } from '../support/redis.ts';

/** A kind of store under test: each `open` is a process of its own on the same data. */
export interface StoreWorld {
  readonly url: string;
  readonly secret: Buffer;
  readonly runtime: TestRuntime;
  readonly open: () => Promise<Store>;
  /** Several processes see the same data. */
  readonly shared: boolean;
  /** Lets this much time pass, for the store and for us. */
  readonly pass: (ms: number) => Promise<void>;
  readonly end: () => Promise<void>;
}

export const storeKinds = ['memory', 'sqlite', 'redis'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** Makes an empty place for stores of a kind. */
export async function createStoreWorld(kind: StoreKind): Promise<StoreWorld> {
  const runtime = createTestRuntime(Date.now());
  const secret = randomBytes(32);
  const opened: Store[] = [];
  const ends: (() => Promise<void>)[] = [];
  const place = async (): Promise<string> => {
    switch (kind) {
      case 'memory':
        return 'memory:';
      case 'sqlite': {
        const folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
        ends.push(() => rm(folder, { recursive: true, force: true }));
        return `sqlite:${join(folder, 'deep', 'sallyport.db')}`;
      }
      case 'redis': {
        const server = await startRedis();
        ends.push(server.stop);
        return server.url;
      }
    }
  };
  const url = await place();
  return {
    url,
    secret,
    runtime,
    shared: kind !== 'memory',
    open: async () => {
      const store = await openStore({ url, secret, runtime });
      opened.push(store);
      return store;
    },
    pass: async (ms) => {
      // Redis has a clock of its own; it really must get later there.
      if (kind === 'redis') await delay(ms);
      runtime.advance(ms);
    },
    end: async () => {
      await Promise.all(opened.map((store) => store.close()));
      for (const end of ends) await end();
    },
  };
}
