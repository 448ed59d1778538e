import { cpuMicroseconds } from './process.ts';
import { load } from './load.ts';
import type { Target } from './targets.ts';

/** What is put under load, and with which script. */
export interface Subject {
  readonly target: Target;
  readonly script: string;
}

/** What the rounds of one subject gave. */
export interface Cost {
  readonly name: string;
  readonly version: string;
  /** Microseconds of user and system time a request, one value a round. */
  readonly micros: readonly number[];
  readonly requestsPerSecond: readonly number[];
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/**
 * Puts every subject under load in turn, round by round, so that whatever else the machine does hits all alike. Throws when a
 * request fails: an error is cheaper than an answer.
 */
export async function measureCosts(subjects: readonly Subject[], options: MeasureOptions): Promise<readonly Cost[]> {
  const costs = subjects.map(({ target: { name, version } }) => ({
    name,
    version,
    micros: [] as number[],
    requestsPerSecond: [] as number[],
  }));
  // Long enough for the compilers, and for nearly every session to have been asked for once.
  for (const { target, script } of subjects) await load(target.port, script, options.warmUpSeconds);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, { target, script }] of subjects.entries()) {
      const before = cpuMicroseconds(target.pids);
      const result = await load(target.port, script, options.seconds);
      if (result.errors > 0) throw new Error(`${target.name}: ${result.errors} of ${result.requests} requests failed`);
      costs[index]?.micros.push((cpuMicroseconds(target.pids) - before) / result.requests);
      costs[index]?.requestsPerSecond.push(result.requestsPerSecond);
    }
  }
  return costs;
}

/**
 * How much more one costs than another: the median of the ratios of each round, so that a slow moment of the machine, which
 * hits both, cancels out.
 */
export function ratio(cost: Cost, base: Cost): number {
  return median(cost.micros.map((value, round) => value / (base.micros[round] ?? NaN)));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/** The value below which a share of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** `least – median – most`. */
export function spread(values: readonly number[], digits = 1): string {
  return [Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(digits)).join(' – ');
}
