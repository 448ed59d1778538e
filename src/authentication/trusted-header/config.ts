import { z } from 'zod';
import { networkText } from '../../request/client-address.ts';

const headerName = (text: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'is not the name of such a header; use letters, digits and -')
    .refine((name) => !untrustable.has(name.toLowerCase()), 'is a header of HTTP itself; write another')
    .describe(text);

/** Browsers and proxies send these of their own accord. */
const untrustable: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'cookie', 'set-cookie', 'authorization', 'content-length', 'content-type', 'expect', 'te'],
  ...[
    'transfer-encoding',
    'upgrade',
    'trailer',
    'keep-alive',
    'origin',
    'referer',
    'user-agent',
    'accept',
    'forwarded',
  ],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-request-id', 'x-real-ip'],
]);

/** Stands before every user name of a way in, where names of several could meet. */
export const identityPrefix = () =>
  z
    .string()
    .max(64)
    .regex(/^[^\s,\p{C}]*$/u, 'holds white space, a comma or a control character')
    .prefault('')
    .describe('Stands before every user name that comes this way, where it could be the name of somebody else.');

export const trustedHeaderConfig = z
  .strictObject({
    from: z
      .array(networkText())
      .min(1, 'is empty; write the addresses of the proxy')
      .describe(
        'Addresses of the proxy that says who signed in: of the very connection, never of `X-Forwarded-For`. A unix socket counts as 127.0.0.1.',
      ),
    headers: z
      .strictObject({
        user: headerName('Header with the user name. A request without it is not signed in this way.'),
        name: headerName('Header with the name to show.').optional(),
        email: headerName('Header with the e-mail address.').optional(),
        groups: headerName('Header with the groups.').optional(),
      })
      .prefault({ user: 'Remote-User', name: 'Remote-Name', email: 'Remote-Email', groups: 'Remote-Groups' })
      .describe(
        'The headers that are believed. The proxy must set or remove every one of them on every request. Where this is written, what it leaves out is not read. Default: `Remote-User`, `Remote-Name`, `Remote-Email`, `Remote-Groups`.',
      ),
    groupsSeparator: z.enum([',', ';', '|', ' ']).prefault(',').describe('What stands between groups.'),
    secretHeader: z
      .strictObject({
        name: headerName('Header with the secret.'),
        secret: z
          .string()
          .min(32, 'is shorter than 32 characters; make one with openssl rand -hex 32')
          .max(1_024)
          .regex(/^[\x21-\x7e]+$/, 'holds blanks or letters that a header does not carry')
          .describe('What the proxy sends in it.'),
      })
      .optional()
      .describe('The proxy proves by a secret, too, that it is the proxy.'),
    issuer: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, 'is not an issuer; write a name without blanks')
      .refine((name) => name !== 'local', 'is the name of the users file; write another')
      .prefault('trusted-header')
      .describe('Who vouches: with the user name in the header it tells people apart. Another one makes other people.'),
    userPrefix: identityPrefix(),
  })
  .describe('A proxy in front that signs people in and says so in headers.');

export type TrustedHeaderConfig = z.output<typeof trustedHeaderConfig>;

/** Names of all headers that only the proxy may send. */
export function trustedHeaderNames({ headers, secretHeader }: TrustedHeaderConfig): readonly string[] {
  const { user, name, email, groups } = headers;
  return [user, name, email, groups, secretHeader?.name].filter((header) => header !== undefined);
}
