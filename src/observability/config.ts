import { z } from 'zod';

export const logConfig = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .prefault('info')
      .describe('Least important line that is written.'),
    access: z.boolean().prefault(true).describe('One line a request.'),
  })
  .prefault({});

export type LogConfig = z.output<typeof logConfig>;
