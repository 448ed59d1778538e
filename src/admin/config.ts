import { z } from 'zod';
import { isIP } from 'node:net';

/** Used when nothing is said; other programs like this port too. */
export const defaultAdminListen = '127.0.0.1:9090';

/** Where the admin listener stands; the same forms as `server.listen`, or `off`. */
export const adminConfig = z
  .strictObject({
    listen: z
      .string()
      .refine(
        (value) => value === 'off' || /^unix:./.test(value) || /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):\d{1,5}$/.test(value),
        'is not an address; write HOST:PORT, unix:/path or off',
      )
      .prefault(defaultAdminListen)
      .describe(
        'Metrics, health and session control: `HOST:PORT`, `unix:/path` or `off`. Never expose it to visitors.',
      ),
  })
  .prefault({});

/** True when only this machine can reach an admin listener on `host`. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export type AdminConfig = z.output<typeof adminConfig>;
