import { z } from 'zod';

const file = () => z.string().min(1, 'is empty; write the path of a PEM file');

export const upstreamTlsConfig = z
  .strictObject({
    ca: file().optional().describe("PEM file of the authorities to believe, instead of the system's."),
    serverName: z
      .string()
      .regex(/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/, 'is not a host name; write app.internal.example.com')
      .optional()
      .describe('Name that is asked for (SNI) and that the certificate must bear. Default: the host of the URL.'),
    cert: file().optional().describe('PEM file of a client certificate to show, then the intermediate ones.'),
    key: file().optional().describe('PEM file of the private key of `cert`, without a passphrase.'),
    insecureSkipTlsVerify: z
      .boolean()
      .prefault(false)
      .describe('Believe any certificate: whoever stands between can read and change everything. Warned of at start.'),
  })
  .superRefine(({ ca, cert, key, insecureSkipTlsVerify }, context) => {
    const complain = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (cert !== undefined && key === undefined) complain('cert', 'stands alone; write key, its private key, too');
    if (key !== undefined && cert === undefined) complain('key', 'stands alone; write cert, the certificate, too');
    if (insecureSkipTlsVerify && ca !== undefined)
      complain('ca', 'has no effect beside insecureSkipTlsVerify: true; take that away');
  });

/** How TLS is spoken to an upstream; paths of PEM files. */
export type UpstreamTls = z.output<typeof upstreamTlsConfig>;
