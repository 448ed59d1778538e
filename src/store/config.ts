import { z } from 'zod';
import { GatewayError } from '../errors.ts';
import { readRedisUrl } from './redis-url.ts';

export const storeConfig = z
  .strictObject({
    url: z
      .string()
      .regex(
        /^(memory:$|sqlite:.+|rediss?:\/\/.+)/,
        'is not a store; write memory:, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT',
      )
      .superRefine((value, context) => {
        const fault = redisFault(value);
        if (fault !== null) context.addIssue({ code: 'custom', message: fault });
      })
      .prefault('sqlite:./var/sallyport.db')
      .describe(
        'Where sessions live: `memory:`, `sqlite:PATH`, `redis://…` or `rediss://…`. Redis Cluster: `?cluster=true`, further hosts after commas; Sentinel: `?sentinel=MASTER`. Also `?namespace=NAME` (put in front of every key, default `sallyport`) and, for `rediss://`, `?ca=/FILE`.',
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
  .refine(({ url, secret }) => secret !== undefined || !/^rediss?:/.test(url), {
    path: ['secret'],
    message:
      'is missing, and every process on a Redis store needs the same; write ${SALLYPORT_SECRET} and set that to the output of `openssl rand -base64 32`',
  })
  .prefault({});

export type StoreConfig = z.output<typeof storeConfig>;

/** What is wrong with a Redis URL; null when nothing is, or when it is another kind of store. */
function redisFault(url: string): string | null {
  if (!/^rediss?:\/\//.test(url)) return null;
  try {
    readRedisUrl(url);
    return null;
  } catch (error) {
    if (error instanceof GatewayError) return error.message.replace(/^store\.url /, '');
    throw error;
  }
}
