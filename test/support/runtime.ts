import { randomBytes } from 'node:crypto';
import type { LogMethod, Runtime } from '../../src/runtime.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestRuntime extends Runtime {
  readonly lines: LogLine[];
  /** Moves the clock. */
  readonly advance: (ms: number) => void;
}

/** A runtime whose clock stands still until told, and whose log is a list. */
export function createTestRuntime(startMs = 1_760_000_000_000): TestRuntime {
  const lines: LogLine[] = [];
  let now = startMs;
  const at =
    (level: LogLine['level']): LogMethod =>
    (event, fields = {}) => {
      lines.push({ level, event, fields });
    };
  return {
    now: () => now,
    randomBytes,
    fetch,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    lines,
    advance: (ms) => {
      now += ms;
    },
  };
}
