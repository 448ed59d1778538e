import { Client } from 'undici';
import type { HealthCheck, Upstream, UpstreamTarget } from '../route/upstream/config.ts';
import type { Runtime } from '../runtime.ts';
import { clientOptions } from './agents.ts';
import { codeOf } from './failure.ts';
import { upstreamAuthority } from './rewrite.ts';
import type { SecureOptions } from './secure.ts';

export interface HealthCheckOptions {
  readonly upstream: Upstream;
  readonly secure: SecureOptions;
  readonly check: HealthCheck;
  readonly target: UpstreamTarget;
  /** Null: all is well; else what is not, for the log. Not called after the end. */
  readonly onResult: (failure: string | null) => void;
  readonly randomBytes: Runtime['randomBytes'];
}

/** Longest body of an answer that is read (bytes); what counts is the status. */
const longestAnswer = 64 * 1024;

/**
 * Asks a target again and again, each time on a new connection, as one that has stood for long says nothing about whether new
 * ones are taken. The first question is asked at once. Returns what ends it.
 */
export function startHealthCheck(options: HealthCheckOptions): () => void {
  const { check, onResult, randomBytes } = options;
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const ask = async (): Promise<void> => {
    const failure = await askOnce(options, ended.signal);
    if (ended.signal.aborted) return;
    onResult(failure);
    // Give or take a tenth, so that many gateways and many targets don't fall into step.
    const jitter = 0.9 + ((randomBytes(1)[0] ?? 0) / 255) * 0.2;
    timer = setTimeout(() => void ask(), check.intervalMs * jitter);
    timer.unref();
  };
  void ask();

  return () => {
    ended.abort();
    clearTimeout(timer);
  };
}

/** One question on a connection of its own; null when the answer is good. Never rejects. */
async function askOnce(options: HealthCheckOptions, ended: AbortSignal): Promise<string | null> {
  const { upstream, secure, check, target } = options;
  const client = new Client(target.origin, clientOptions(upstream, target, secure));
  const tooLate = AbortSignal.timeout(check.timeoutMs);
  try {
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: check.path,
      headers: ['Host', check.host ?? upstreamAuthority(target), 'User-Agent', 'Sallyport health check'],
      reset: true,
      signal: AbortSignal.any([ended, tooLate]),
    });
    await body.dump({ limit: longestAnswer });
    const isGood = check.statuses.some(([first, last]) => statusCode >= first && statusCode <= last);
    return isGood ? null : `answered with status ${statusCode}`;
  } catch (error) {
    if (tooLate.aborted) return `did not answer within ${check.timeoutMs} ms`;
    return `could not be asked (${codeOf(error) || (error instanceof Error ? error.message : 'unknown')})`;
  } finally {
    void client.destroy().catch(() => undefined);
  }
}
