import type { Log } from '../runtime.ts';
import type { LogConfig } from './config.ts';

/** Text fields are cut here: a log line stays short whatever a visitor sends. Characters. */
const maxFieldLength = 1_024;

/** Text that stands in JSON as it is: no quote, backslash, control (C0, C1), line separator or lone surrogate. */
const plainText = /^[\x20\x21\x23-\x5b\x5d-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\uffff]*$/;
// C0 is escaped by JSON; C1 and the two line separators end a line for some readers.
const unsafeText = /[\u007f-\u009f\u2028\u2029]/g;

export interface LogOptions {
  readonly level: LogConfig['level'];
  /** Gets whole lines, each with its line end. */
  readonly write: (line: string) => void;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

const levels = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogConfig['level'], number>;

/**
 * Makes the log: one JSON object a line (`level`, `time` in UTC, `event`, then facts), or a readable line on a terminal.
 * Text from visitors is cut and its control characters are escaped, so that one event is always one line.
 *
 * The lines are made here, since the access log is on the request path: a logging library cost a twentieth of a proxied
 * request, mostly for what is not used (docs/decisions/021-log-lines.md).
 */
export function createLog({ level, write, pretty }: LogOptions): Log {
  const timeNow = createClock();
  const method = (name: LogConfig['level']) => {
    if (levels[name] < levels[level]) return () => undefined;
    const start = `{"level":"${name}","time":"`;
    return (event: string, fields: Readonly<Record<string, unknown>> = noFields) => {
      let line = `${start}${timeNow()}","event":${quote(event)}`;
      for (const key in fields) {
        const value = json(fields[key]);
        if (value !== undefined) line += `,"${key}":${value}`;
      }
      line += '}\n';
      write(pretty ? prettyLine(line) : line);
    };
  };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}

const noFields: Readonly<Record<string, unknown>> = {};

/** Lines of one millisecond share the text of their time. */
function createClock(): () => string {
  let madeAtMs = -1;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== madeAtMs) {
      madeAtMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}

/** Undefined for what has no place in JSON. */
function json(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      return value instanceof Error ? quote(messageOf(value)) : structure(value);
    default:
      return undefined;
  }
}

/** Lists and records; what JSON can't say (a circle) is named rather than thrown at whoever only wanted to log. */
function structure(value: object): string {
  try {
    return escapeText(JSON.stringify(value));
  } catch {
    return '"(not printable)"';
  }
}

function quote(text: string): string {
  if (text.length > maxFieldLength) return escapeText(JSON.stringify(`${text.slice(0, maxFieldLength)}…`));
  return plainText.test(text) ? `"${text}"` : escapeText(JSON.stringify(text));
}

/** Errors become their message and code; a stack helps only who can read it, at debug level by `error.stack`. */
function messageOf(failure: Error): string {
  const chain: string[] = [];
  for (let error: unknown = failure; error instanceof Error && chain.length < 5; error = error.cause) {
    const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
    chain.push(error.message.slice(0, maxFieldLength) + code);
  }
  return chain.join(': ');
}

function escapeText(line: string): string {
  return line.replace(unsafeText, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const colours: Readonly<Record<string, string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};

function prettyLine(line: string): string {
  const { level, time, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const colour = colours[String(level)] ?? '';
  const facts = Object.entries(fields).map(
    ([key, value]) => `\u001b[2m${key}=\u001b[0m${escapeText(JSON.stringify(value))}`,
  );
  return `\u001b[2m${String(time).slice(11, 19)}\u001b[0m ${colour}${String(level).padEnd(5)}\u001b[0m ${String(event)} ${facts.join(' ')}\n`;
}
