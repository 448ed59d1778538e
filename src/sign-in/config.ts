import { z } from 'zod';
import { duration, integer } from '../quantities.ts';

export const signInConfig = z
  .strictObject({
    local: z
      .strictObject({
        users: z
          .string()
          .min(1)
          .prefault('./users.yaml')
          .describe(
            'The users: a YAML file (`users: {alice: {name, email, groups, password, disabled}}`) or an Apache htpasswd file.',
          ),
      })
      .prefault({})
      .describe('Sign-in with a user name and password from a file.'),
    throttle: z
      .strictObject({
        failures: integer(1, 1_000)
          .prefault(5)
          .describe('This many failures of one account lock it; four times as many lock an address.'),
        within: duration().prefault('5m').describe('Failures count for this long.'),
        lockFor: duration().prefault('10m').describe('How long a lock lasts. It never ends a live session.'),
      })
      .prefault({})
      .describe('Limits on guessing, counted by account and by client address.'),
  })
  .prefault({});

export type SignInConfig = z.output<typeof signInConfig>;
