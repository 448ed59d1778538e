/** What the world hands in, so that no room reaches for a clock, for chance or for a terminal by itself. */

/** One log line: `event` is `thing.happened` in kebab-case, `fields` are facts. Never a secret, never a request object. */
export type LogMethod = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

export interface Runtime {
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
  /** Cryptographically strong bytes. */
  readonly randomBytes: (size: number) => Buffer;
  /** Asks other servers (providers, key sets); whoever calls sets timeout and limits. */
  readonly fetch: typeof globalThis.fetch;
  readonly log: Log;
}
