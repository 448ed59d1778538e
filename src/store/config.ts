import { z } from 'zod';

export const storeConfig = z
  .strictObject({
    url: z
      .string()
      .regex(
        /^(memory:$|sqlite:.+|rediss?:\/\/.+)/,
        'is not a store; write memory:, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT',
      )
      .prefault('sqlite:./var/sallyport.db')
      .describe(
        'Where sessions live: `memory:`, `sqlite:PATH`, `redis://…` or `rediss://…`. Redis Cluster: `?cluster=true`, further hosts after commas; Sentinel: `?sentinel=MASTER`.',
      ),
    secret: z
      .string()
      .refine(
        (value) => Buffer.byteLength(value) >= 32,
        'is too short; use at least 32 bytes, for example from `openssl rand -base64 32`',
      )
      .refine(
        (value) => new Set(value).size >= 8,
        'is too simple; use at least 32 random bytes, for example from `openssl rand -base64 32`',
      )
      .optional()
      .describe(
        'Key material that seals the records, at least 32 bytes. Default: made on first start beside the database, mode 0600.',
      ),
  })
  .prefault({});

export type StoreConfig = z.output<typeof storeConfig>;
