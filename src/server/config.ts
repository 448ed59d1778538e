import { isIP } from 'node:net';
import { z } from 'zod';
import { duration, httpOrigin, integer } from '../quantities.ts';
import { networkText } from '../request/client-address.ts';
import { limitsConfig } from './limits/config.ts';
import { tlsConfig } from './tls/config.ts';

/** Where to listen: a TCP address or a unix socket. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Reads `HOST:PORT`, `[::1]:PORT`, `:PORT` or `unix:/path`; undefined when it is none of these. */
export function readListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) return text.length > 5 ? { kind: 'unix', path: text.slice(5) } : undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  const host = match[1] ?? match[2] ?? '';
  if (port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) return undefined;
  return { kind: 'tcp', host: host === '' ? '0.0.0.0' : host, port };
}

export function listenAddress() {
  return z.string().transform((value, context): ListenAddress => {
    const address = readListenAddress(value);
    if (address) return address;
    context.addIssue({ code: 'custom', message: 'is not an address; write HOST:PORT or unix:/path' });
    return z.NEVER;
  });
}

/** One of the public addresses, and what is spoken there; `tls` undefined: TLS where `server.tls` is given. */
export type ListenEntry = ListenAddress & {
  readonly tls?: boolean | undefined;
  /** undefined: as `server.proxyProtocol` says. */
  readonly proxyProtocol?: boolean | undefined;
};

function listenEntry() {
  return z.union([
    listenAddress(),
    z
      .strictObject({
        address: listenAddress().describe('`HOST:PORT` or `unix:/path`.'),
        tls: z
          .boolean()
          .optional()
          .describe('Whether TLS is spoken at this address. Default: where `server.tls` is given.'),
        proxyProtocol: z
          .literal(false)
          .optional()
          .describe('`false`: no header of the PROXY protocol at this address, whatever `server.proxyProtocol` says.'),
      })
      .transform(({ address, ...more }): ListenEntry => ({ ...address, ...more })),
  ]);
}

export const serverConfig = z
  .strictObject({
    listen: z
      .union([listenEntry(), z.array(listenEntry()).min(1)])
      .transform((value): readonly ListenEntry[] => (Array.isArray(value) ? value : [value]))
      .prefault('0.0.0.0:8080')
      .describe(
        'Where visitors reach the gateway: `HOST:PORT` or `unix:/path`; a list for several; `{address, tls}` to say more.',
      ),
    tls: tlsConfig
      .optional()
      .describe(
        'Certificates; with them HTTP/2 and HTTP/1.1 are spoken over TLS on the same port. Read anew when they change.',
      ),
    publicUrl: httpOrigin()
      .optional()
      .describe(
        'Origin of the sign-in pages as visitors see it. Default: `http://localhost:PORT` of the first address, `https:` with `tls`.',
      ),
    redirectHttp: listenAddress()
      .optional()
      .describe(
        'Address of one more listener, without TLS, that leads visitors to https: same host, path and query, by 308. Usually `0.0.0.0:80`.',
      ),
    hsts: z
      .union([
        z.literal(false),
        z.strictObject({
          maxAge: duration().prefault('365d').describe('How long browsers shall come by https alone.'),
          includeSubDomains: z.boolean().prefault(false).describe('And to every host below.'),
          preload: z.boolean().prefault(false).describe('Consent to the lists that browsers carry.'),
        }),
      ])
      .prefault({})
      .describe(
        '`Strict-Transport-Security` where `publicUrl` is https and not localhost: on our own answers, and with `tls` on those of apps that say nothing of it. `false`: never.',
      ),
    trustedProxies: z
      .array(networkText())
      .prefault([])
      .describe(
        'Networks (CIDR) of proxies in front that may tell us client address, host and scheme. Everybody else is not believed.',
      ),
    proxyProtocol: z
      .boolean()
      .prefault(false)
      .describe(
        'Trusted proxies put the header of the PROXY protocol (version 1 or 2) before each connection, TLS or not, and tell the client address by it. A connection of theirs without it is closed; nobody else is believed.',
      ),
    workers: z
      .union([z.literal('auto'), integer(1, 256)])
      .prefault(1)
      .describe(
        'Number of processes that serve; `auto` is one a core. More than one needs a `sqlite:` or `redis:` store.',
      ),
    authPath: z
      .string()
      .regex(/^(\/[A-Za-z0-9_-]+)+$/, 'is not a plain path; write /_auth')
      .prefault('/_auth')
      .describe('Our own pages live under this path on every host.'),
    limits: limitsConfig.describe('What connections and request heads are bounded by.'),
    drainTimeout: duration()
      .prefault('30s')
      .describe('How long running requests may take to finish after SIGTERM before they are cut.'),
  })
  .prefault({});

export type ServerConfig = z.output<typeof serverConfig>;
