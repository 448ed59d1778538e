import type { Ejection } from '../route/upstream/config.ts';
import type { Log } from '../runtime.ts';

/** How good a target is: fit for requests, failing requests of late, failing its health check. The lower the better. */
export const conditions = { fit: 0, ejected: 1, down: 2 } as const;

export type Condition = (typeof conditions)[keyof typeof conditions];

/** What this process knows of one target of one route. It outlives reloads of the configuration. Times are milliseconds since 1970. */
export class TargetState {
  /** Requests and tunnels under way. */
  active = 0;
  /** Sent to it, failed, and how often it was ejected, since it is known. */
  requests = 0;
  failures = 0;
  ejections = 0;
  /** Since when it takes its share again, after it was out. */
  recoveredAtMs = -Infinity;
  readonly #place: { readonly route: string; readonly target: string };
  readonly #log: Log;
  #isDown = false;
  /** Results of the health check in a row that speak against what holds now. */
  #contrary = 0;
  #failedInRow = 0;
  /** Infinity: not ejected. An ejection whose time is over lasts on until a request has come through. */
  #ejectedAtMs = Infinity;
  #ejectedUntilMs = 0;
  #ejectedForMs = 0;

  constructor(route: string, target: string, log: Log) {
    this.#place = { route, target };
    this.#log = log;
  }

  condition(nowMs: number): Condition {
    if (this.#isDown) return conditions.down;
    return nowMs < this.#ejectedUntilMs ? conditions.ejected : conditions.fit;
  }

  /** From 0.1 to 1: what part of its weight counts. */
  share(slowStartMs: number, nowMs: number): number {
    if (slowStartMs === 0) return 1;
    const sinceMs = nowMs - this.recoveredAtMs;
    return sinceMs >= slowStartMs ? 1 : Math.max(0.1, sinceMs / slowStartMs);
  }

  /** A request that was sent to it at `startedMs` got an answer. */
  answered(startedMs: number, nowMs: number): void {
    // One from before the ejection says nothing about how it is now.
    if (startedMs < this.#ejectedAtMs && this.#ejectedAtMs !== Infinity) return;
    this.#failedInRow = 0;
    if (this.#ejectedAtMs === Infinity) return;
    this.#ejectedAtMs = Infinity;
    if (this.#ejectedUntilMs > nowMs) this.recoveredAtMs = nowMs;
    this.#ejectedUntilMs = 0;
    this.#log.info('upstream.target-up', { ...this.#place, reason: 'answered' });
  }

  /** A request that was sent to it at `startedMs` got none, and that is the target's doing. */
  failed(startedMs: number, nowMs: number, ejection: Ejection, error: Error): void {
    this.failures += 1;
    if (ejection === null) return;
    const isEjected = this.#ejectedAtMs !== Infinity;
    if (isEjected && (startedMs < this.#ejectedUntilMs || nowMs < this.#ejectedUntilMs)) return;
    this.#failedInRow += 1;
    // After an ejection the first request decides.
    if (!isEjected && this.#failedInRow < ejection.failures) return;
    // It held out for less time than it had been out: that was not enough.
    const isSoon = isEjected || nowMs - this.recoveredAtMs < this.#ejectedForMs;
    this.#ejectedForMs = isSoon ? Math.min(this.#ejectedForMs * 2, ejection.longestMs) : ejection.forMs;
    this.#ejectedAtMs = nowMs;
    this.#ejectedUntilMs = nowMs + this.#ejectedForMs;
    this.recoveredAtMs = this.#ejectedUntilMs;
    this.#failedInRow = 0;
    this.ejections += 1;
    this.#log.warn('upstream.target-down', {
      ...this.#place,
      reason: 'failing-requests',
      forMs: this.#ejectedForMs,
      error,
    });
  }

  /** A health check came out; `why` says what failed, null that all was well. */
  checked(
    why: string | null,
    nowMs: number,
    after: { readonly healthyAfter: number; readonly unhealthyAfter: number },
  ): void {
    if ((why === null) !== this.#isDown) {
      this.#contrary = 0;
      return;
    }
    this.#contrary += 1;
    if (this.#contrary < (this.#isDown ? after.healthyAfter : after.unhealthyAfter)) return;
    this.#contrary = 0;
    this.#isDown = why !== null;
    if (why === null) this.recoveredAtMs = Math.max(nowMs, this.#ejectedUntilMs);
    if (why === null) this.#log.info('upstream.target-up', { ...this.#place, reason: 'health-check' });
    else this.#log.warn('upstream.target-down', { ...this.#place, reason: 'health-check', failure: why });
  }

  /** Nobody asks any more: nothing is known against it. */
  unchecked(): void {
    this.#contrary = 0;
    this.#isDown = false;
  }

  /** Failed requests no longer put it out. */
  unejected(): void {
    this.#failedInRow = 0;
    this.#ejectedAtMs = Infinity;
    this.#ejectedUntilMs = 0;
  }
}
