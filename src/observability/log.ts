import { pino } from 'pino';
import type { Log } from '../runtime.ts';
import type { LogConfig } from './config.ts';

/** Text fields are cut here: a log line stays short whatever a visitor sends. Characters. */
const maxFieldLength = 1_024;

// C0 and C1 controls are escaped by JSON or below; the two line separators end a line for some readers.
const unsafeText = /[\u007f-\u009f\u2028\u2029]/g;

export interface LogOptions {
  readonly level: LogConfig['level'];
  /** Gets whole lines, each with its line end. */
  readonly write: (line: string) => void;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

/**
 * Makes the log: one JSON object a line (`time` in UTC, `level`, `event`, then facts), or a readable line on a terminal.
 * Text from visitors is cut and its control characters are escaped, so that one event is always one line.
 */
export function createLog({ level, write, pretty }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: pretty ? (line: string) => write(prettyLine(line)) : (line: string) => write(escapeLine(line)) },
  );
  const method = (name: LogConfig['level']) => {
    if (!logger.isLevelEnabled(name)) return () => undefined;
    return (event: string, fields?: Readonly<Record<string, unknown>>) => {
      if (fields === undefined) logger[name](event);
      else logger[name](cutFields(fields), event);
    };
  };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

/** Lines of one millisecond share the text of their time. */
function createTimestamp(): () => string {
  let madeAtMs = -1;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== madeAtMs) {
      madeAtMs = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}

function cutFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const cut: Record<string, unknown> = {};
  for (const key in fields) {
    const value = fields[key];
    cut[key] = typeof value === 'string' ? cutText(value) : plain(value);
  }
  return cut;
}

function cutText(text: string): string {
  return text.length > maxFieldLength ? `${text.slice(0, maxFieldLength)}…` : text;
}

/** Errors become their message and code; a stack helps only who can read it, at debug level by `error.stack`. */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const chain: string[] = [];
  for (let error: unknown = value; error instanceof Error && chain.length < 5; error = error.cause) {
    const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
    chain.push(cutText(error.message) + code);
  }
  return chain.join(': ');
}

function escapeLine(line: string): string {
  return line.replace(unsafeText, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const colours: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

function prettyLine(line: string): string {
  const { level, time, event, ...fields } = JSON.parse(escapeLine(line)) as Record<string, unknown>;
  const colour = colours[String(level)] ?? '';
  const facts = Object.entries(fields).map(
    ([key, value]) => `\u001b[2m${key}=\u001b[0m${escapeLine(JSON.stringify(value))}`,
  );
  return `\u001b[2m${String(time).slice(11, 19)}\u001b[0m ${colour}${String(level).padEnd(5)}\u001b[0m ${String(event)} ${facts.join(' ')}\n`;
}
