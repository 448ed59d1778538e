import { z } from 'zod';
import { identityPrefix } from '../trusted-header/config.ts';

const field = (text: string) =>
  z
    .string()
    .regex(
      /^(subject\.[A-Za-z0-9.]{1,64}|san\.(email|dns|uri)|fingerprint)$/,
      'is no part of a certificate; write subject.CN (or another attribute), san.email, san.dns, san.uri or fingerprint',
    )
    .describe(text);

export const clientCertificateConfig = z
  .strictObject({
    user: field(
      'Part of the certificate with the user name: `subject.CN`, `subject.UID`, `san.email`, `san.dns`, `san.uri`, `fingerprint`. It must stand there exactly once.',
    ).prefault('subject.CN'),
    name: field('Part with the name to show.').prefault('subject.CN'),
    email: field('Part with the e-mail address.').prefault('san.email'),
    groups: field('Part with the groups: every value is one, such as `subject.OU`. Default: no groups.').optional(),
    issuers: z
      .array(
        z
          .record(z.string().regex(/^[A-Za-z0-9.]{1,64}$/, 'is not the short name of an attribute'), z.string().min(1))
          .refine(
            (attributes) => Object.keys(attributes).length > 0,
            'is empty; write attributes such as {CN: Users CA}',
          ),
      )
      .min(1, 'is empty; leave it out, and every authority of server.tls.clientCa may sign')
      .optional()
      .describe(
        'Only certificates that one of these signed, by attributes of their `issuer`: `[{CN: Users CA, O: Example}]`. Others open nothing, but do no harm. Default: whoever `server.tls.clientCa` believes.',
      ),
    userPrefix: identityPrefix(),
  })
  .describe('Sign-in by the certificate of a TLS client. Needs `server.tls.clientCa`.');

export type ClientCertificateConfig = z.output<typeof clientCertificateConfig>;
