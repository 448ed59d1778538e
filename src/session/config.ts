import { z } from 'zod';
import { duration } from '../quantities.ts';

export const sessionConfig = z
  .strictObject({
    idleTimeout: duration().prefault('1h').describe('A session without a request for this long ends.'),
    lifetime: duration().prefault('12h').describe('A session ends this long after sign-in, whatever happens.'),
    rememberFor: duration()
      .prefault('30d')
      .describe('Lifetime of a session whose person ticked "keep me signed in"; `0` hides the box.'),
    cookie: z
      .strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/, 'is not a cookie name; use letters, digits, _ and -')
          .prefault('sallyport')
          .describe('Name of the session cookie; `__Host-` (or `__Secure-` with a domain) is put in front on https.'),
        domain: z
          .string()
          .regex(/^\.?([a-z0-9-]+\.)+[a-z0-9-]+$/i, 'is not a domain; write example.com')
          .nullish()
          .transform((value) => value?.toLowerCase().replace(/^\./, '') ?? null)
          .describe('One cookie for all hosts under this domain. Default: each host has its own.'),
        sameSite: z.enum(['lax', 'strict', 'none']).prefault('lax').describe('SameSite attribute of the cookie.'),
      })
      .prefault({}),
  })
  .refine((value) => value.idleTimeout > 0, { path: ['idleTimeout'], message: 'must be longer than 0' })
  .refine((value) => value.lifetime > 0, { path: ['lifetime'], message: 'must be longer than 0' })
  .prefault({});

export type SessionConfig = z.output<typeof sessionConfig>;
