import { z } from 'zod';

/** Text with units at the edge, numbers with units in their names inside: the field kinds that config slices share. */

const durationUnitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads `30s`, `15m`, `12h`, `30d`, `250ms` or `0` into milliseconds; undefined when it is none of these. */
export function readDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  return Number(match[1]) * durationUnitsMs[match[2] as keyof typeof durationUnitsMs];
}

/** A duration in the configuration (`30s`); the parsed value is milliseconds. A YAML `0` is understood too. */
export function duration() {
  return z
    .union(
      [z.string().regex(/^(0|\d{1,9}(ms|s|m|h|d))$/, 'is not a duration; write 30s, 15m, 12h or 30d'), z.literal(0)],
      'is not a duration; write 30s, 15m, 12h or 30d',
    )
    .meta({ title: 'duration' })
    .transform((value) => readDurationMs(String(value)) ?? 0);
}

const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** A size in the configuration (`16KiB`, `10MiB`); the parsed value is bytes. */
export function byteSize() {
  return z
    .string('is not a size; write 16KiB, 10MiB or 2GiB')
    .regex(/^\d{1,9}(B|KiB|MiB|GiB|TiB)$/, 'is not a size; write 16KiB, 10MiB or 2GiB')
    .meta({ title: 'size' })
    .transform((value) => {
      const [, digits = '', unit = 'B'] = /^(\d+)(.*)$/.exec(value) ?? [];
      return Number(digits) * sizeUnits[unit as keyof typeof sizeUnits];
    });
}

/** A whole number; digits in a string (as `${NAME}` leaves them) count as a number. */
export function integer(min: number, max: number) {
  return z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,15}$/, 'is not a whole number')
          .transform(Number),
      ],
      'is not a whole number',
    )
    .meta({ title: 'whole number' })
    .pipe(z.number().int().min(min).max(max));
}

/** An http or https origin without path, query or user: `https://auth.example.com`. */
export function httpOrigin() {
  return z.string().transform((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isOrigin =
      url !== undefined &&
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.pathname === '/' &&
      url.search === '' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === '' &&
      !value.includes('?') &&
      !value.includes('#');
    if (isOrigin) return url.origin;
    context.addIssue({ code: 'custom', message: 'is not an origin; write https://auth.example.com without a path' });
    return z.NEVER;
  });
}
