import { z } from 'zod';

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

export type AdminConfig = z.output<typeof adminConfig>;
