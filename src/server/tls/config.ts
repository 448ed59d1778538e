import { z } from 'zod';

const certificateConfig = z.strictObject({
  cert: z
    .string()
    .min(1, 'is empty; write the path of a PEM file')
    .describe('PEM file: the certificate, then the intermediate ones.'),
  key: z
    .string()
    .min(1, 'is empty; write the path of a PEM file')
    .describe('PEM file of the private key, without a passphrase.'),
});

/** A certificate and its key, as paths of PEM files. */
export type CertificateFiles = z.output<typeof certificateConfig>;

export const tlsConfig = z
  .strictObject({
    cert: certificateConfig.shape.cert.optional(),
    key: certificateConfig.shape.key.optional(),
    certificates: z
      .array(certificateConfig)
      .min(1, 'is empty; write at least one certificate')
      .optional()
      .describe(
        'Several certificates instead of `cert` and `key`: chosen by the name that a client asks for, exact before wildcard; the first where none fits.',
      ),
    minVersion: z.enum(['1.2', '1.3']).prefault('1.2').describe('Oldest TLS version that is spoken; in quotes.'),
    clientCa: z
      .string()
      .min(1, 'is empty; write the path of a PEM file')
      .optional()
      .describe('PEM file of the authorities that sign client certificates; with it clients are asked for theirs.'),
    clientCertificates: z
      .enum(['optional', 'required'])
      .optional()
      .describe(
        'With `clientCa`: whether a connection without a client certificate is accepted (default `optional`). A certificate that the authorities did not sign is always refused.',
      ),
  })
  .check((context) => {
    const { cert, key, certificates, clientCa, clientCertificates } = context.value;
    const complain = (path: readonly string[], message: string): void => {
      context.issues.push({ code: 'custom', path: [...path], message, input: context.value });
    };
    if (certificates === undefined && cert === undefined) complain([], 'needs cert and key, or certificates');
    else if (certificates !== undefined && (cert ?? key) !== undefined)
      complain(['certificates'], 'stands beside cert or key; put them into the list');
    else if ((cert === undefined) !== (key === undefined))
      complain(
        [],
        `has a ${cert === undefined ? 'key' : 'cert'} alone; write ${cert === undefined ? 'cert' : 'key'} too`,
      );
    if (clientCertificates !== undefined && clientCa === undefined)
      complain(['clientCertificates'], 'needs clientCa, the authorities that sign client certificates');
  })
  .transform(({ cert, key, certificates, clientCa, clientCertificates = 'optional', minVersion }) => ({
    certificates: certificates ?? (cert === undefined || key === undefined ? [] : [{ cert, key }]),
    minVersion,
    ...(clientCa === undefined ? {} : { clientCa, clientCertificates }),
  }));

export type TlsConfig = z.output<typeof tlsConfig>;
