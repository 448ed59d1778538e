import type { MeasureOptions } from './measure.ts';
import type { Target } from './targets.ts';

/** What a row has to work with. */
export interface Bench extends MeasureOptions {
  /** A folder of this row alone, removed after it. */
  readonly directory: string;
  /** Stopped when the row is over, whatever became of it. Gives the same value back. */
  readonly keep: <T extends Target>(target: T) => T;
  /** Called when the row is over. */
  readonly atEnd: (end: () => Promise<unknown>) => void;
  /** Says on the terminal what goes on. */
  readonly say: (text: string) => void;
  /** Folder for CPU profiles of the gateway. */
  readonly profile?: string | undefined;
}

/** One measured figure beside what it should be. */
export interface Finding {
  readonly what: string;
  readonly measured: string;
  readonly must?: string;
  readonly aim?: string;
  readonly met: 'aim' | 'must' | 'missed' | 'not judged';
}

export interface Table {
  readonly header: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

export interface Plot {
  /** File below docs/images. */
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

export interface RowResult {
  readonly findings: readonly Finding[];
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  /** What a reader must know to read the figures. */
  readonly notes: readonly string[];
}

export interface Row {
  readonly id: string;
  readonly title: string;
  /** A row that takes longer is given up. Seconds. */
  readonly limitSeconds: number;
  readonly run: (bench: Bench) => Promise<RowResult>;
}

/** Judges a figure by two limits; `better` tells which way is good. */
export function judge(
  value: number,
  { must, aim, better }: { readonly must: number; readonly aim?: number; readonly better: 'less' | 'more' },
): Finding['met'] {
  const reaches = (limit: number): boolean => (better === 'less' ? value <= limit : value >= limit);
  if (Number.isNaN(value)) return 'not judged';
  if (!reaches(must)) return 'missed';
  return aim !== undefined && reaches(aim) ? 'aim' : 'must';
}
