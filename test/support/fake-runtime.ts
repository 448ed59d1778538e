import { randomBytes } from 'node:crypto';
import type { Runtime } from '../../src/runtime.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A runtime whose clock the test moves, and whose log the test reads. */
export interface FakeRuntime extends Runtime {
  readonly lines: readonly LogLine[];
  readonly advance: (ms: number) => void;
}

/** Starts at the true time, since some stores have a clock of their own. */
export function createFakeRuntime(): FakeRuntime {
  let aheadMs = 0;
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, event, fields });
  return {
    now: () => Date.now() + aheadMs,
    randomBytes,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    lines,
    advance: (ms) => {
      aheadMs += ms;
    },
  };
}
