const unitsMs = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

function format(language: string, unit: string, count: number): string {
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}

/** A span of time that was configured, in the largest unit that tells it exactly: `30 days`, `36 hours`. */
export function exactSpan(language: string, ms: number): string {
  const [unit, unitMs] = unitsMs.find(([, size]) => ms >= size && ms % size === 0) ?? unitsMs[3];
  return format(language, unit, Math.max(1, Math.round(ms / unitMs)));
}

/** A wait, rounded up so that nobody comes too early: seconds below two minutes, then minutes, then hours. */
export function roughSpan(language: string, seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 120) return format(language, 'second', whole);
  if (whole < 7_200) return format(language, 'minute', Math.ceil(whole / 60));
  return format(language, 'hour', Math.ceil(whole / 3_600));
}
