import { z } from 'zod';
import { duration, integer } from '../../../quantities.ts';
import { readAuthority } from '../../../request/host.ts';
import { canonicalPath } from '../../../request/path.ts';

const longestMs = 24 * 3_600_000;

/** A time between `leastMs` and a day. */
function time(leastMs: number, leastText: string) {
  return duration()
    .refine((ms) => ms >= leastMs, `is too short; write at least ${leastText}`)
    .refine((ms) => ms <= longestMs, 'is longer than a day; write a shorter time');
}

/** First and last of a range of statuses. */
export type StatusRange = readonly [first: number, last: number];

const statuses = z
  .union([integer(200, 599), z.string(), z.array(z.union([integer(200, 599), z.string()])).min(1)])
  .meta({ title: 'status, range such as `200-399`, or a list' })
  .transform((value, context): readonly StatusRange[] =>
    (Array.isArray(value) ? value : [value]).flatMap((entry) => {
      const [, low = '', high = low] = /^([2-5]\d\d)(?:-([2-5]\d\d))?$/.exec(String(entry)) ?? [];
      if (low !== '' && Number(low) <= Number(high)) return [[Number(low), Number(high)] as const];
      context.addIssue({
        code: 'custom',
        message: `holds ${entry}, which is no status from 200 to 599; write 200, 200-399 or a list of these`,
      });
      return [];
    }),
  );

export const healthCheckConfig = z
  .strictObject({
    path: z
      .string()
      .refine(isTarget, 'is not a path that every server reads alike; write /healthz')
      .describe('What is asked for with GET, a query included.'),
    host: z
      .string()
      .refine((text) => readAuthority(text) !== null, 'is not a host; write app.example.com')
      .optional()
      .describe("`Host` of the question. Default: the target's own."),
    interval: time(100, '100ms')
      .prefault('10s')
      .describe('From one answer to the next question, give or take a tenth.'),
    timeout: time(1, '1ms').prefault('2s').describe('An answer that takes longer has failed.'),
    healthyAfter: integer(1, 100).prefault(2).describe('So many good answers in a row bring a target back.'),
    unhealthyAfter: integer(1, 100).prefault(3).describe('So many failures in a row take a target out.'),
    status: statuses.prefault('200-399').describe('Statuses of a good answer.'),
  })
  .transform(({ interval, timeout, status, host, ...rest }) => ({
    ...rest,
    host: host ?? null,
    intervalMs: interval,
    timeoutMs: timeout,
    statuses: status,
  }));

/** How a target is asked whether it is well. */
export type HealthCheck = z.output<typeof healthCheckConfig>;

/** Path and query in the one spelling that goes over the wire as it stands. */
function isTarget(text: string): boolean {
  const [path = '', ...query] = text.split('?');
  return (
    text.length <= 1_000 &&
    canonicalPath(path) === path &&
    /^[\x21-\x7e]*$/.test(query.join('?')) &&
    !text.includes('#')
  );
}

const ejection = z
  .strictObject({
    failures: integer(1, 1_000)
      .prefault(3)
      .describe('So many requests in a row without an answer (refused, reset, timed out, garbled) put a target out.'),
    for: time(1, '1ms')
      .prefault('10s')
      .describe('How long it is out; twice as long each time that it fails again at once.'),
    longest: time(1, '1ms').prefault('5m').describe('It is never out longer than this.'),
  })
  .refine((value) => value.for <= value.longest, { path: ['longest'], message: 'is shorter than `for`' })
  .transform((value) => ({ failures: value.failures, forMs: value.for, longestMs: value.longest }));

export const ejectionConfig = z.union([z.literal(false).transform(() => null), ejection]);

/** When a target that fails requests is left alone for a while; null: never. */
export type Ejection = z.output<typeof ejectionConfig>;
