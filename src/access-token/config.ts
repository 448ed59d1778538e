import { z } from 'zod';
import { duration, integer } from '../quantities.ts';

/** Longest life of an access token (milliseconds): as long as browsers keep a cookie. */
export const maxTokenLifetimeMs = 400 * 86_400_000;

export const accessTokensConfig = z
  .strictObject({
    enabled: z
      .boolean()
      .prefault(true)
      .describe(
        'People may make tokens for their programs at `/_auth/account/tokens`; `false`: none, and old ones open nothing.',
      ),
    maxLifetime: duration()
      .refine((ms) => ms >= 3_600_000 && ms <= maxTokenLifetimeMs, 'must be between 1h and 400d')
      .prefault('365d')
      .describe('Longest life that a new token may have, 1h to 400d.'),
    perPerson: integer(1, 1_000).prefault(50).describe('A person has at most this many tokens.'),
  })
  .prefault({});

export type AccessTokensConfig = z.output<typeof accessTokensConfig>;
