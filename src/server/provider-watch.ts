import type { SessionRenewal } from '../authentication/session-renewal.ts';
import type { Gate } from '../gate.ts';
import type { Runtime } from '../runtime.ts';
import type { SessionStore } from '../session/session.ts';
import type { LiveTraffic } from './live-traffic.ts';

export interface ProviderWatchOptions {
  readonly traffic: Pick<LiveTraffic, 'sessionTokens' | 'judgeAgain'>;
  readonly sessions: Pick<SessionStore, 'find'>;
  readonly renewal: SessionRenewal;
  readonly gate: Gate;
  readonly runtime: Pick<Runtime, 'now' | 'log'>;
  /** Default 15 s. */
  readonly everyMs?: number;
}

/** Sessions whose providers are asked side by side. */
const asksAtOnce = 10;

/**
 * Keeps sessions in step with their providers while nothing but an open WebSocket or stream uses them: no request comes that would
 * ask. A session that its provider ends takes its connections along by itself; one that has other groups now has them judged
 * anew. Slides no idle timeout. Returns the function that stops it.
 */
export function watchProviders(options: ProviderWatchOptions): () => void {
  const { traffic, sessions, renewal, gate, runtime, everyMs = 15_000 } = options;
  let isBusy = false;

  /** True when the session says something else of its person now. */
  const hasChanged = async (token: string): Promise<boolean> => {
    try {
      const session = await sessions.find(token);
      if (session === null || session.provider === null || runtime.now() < session.provider.checkAtMs) return false;
      const outcome = await renewal.renew(session);
      return outcome.kind === 'live' && JSON.stringify(outcome.session.identity) !== JSON.stringify(session.identity);
    } catch (error) {
      // The store can't say: what was allowed goes on until it can.
      runtime.log.warn('session.not-renewed', { error });
      return false;
    }
  };
  const look = async (): Promise<void> => {
    const waiting = [...traffic.sessionTokens()];
    const changed = new Set<string>();
    for (let batch = waiting.splice(0, asksAtOnce); batch.length > 0; batch = waiting.splice(0, asksAtOnce))
      await Promise.all(batch.map(async (token) => ((await hasChanged(token)) ? changed.add(token) : null)));
    if (changed.size > 0)
      await traffic.judgeAgain(gate, ({ sessionTokens }) => sessionTokens.some((token) => changed.has(token)));
  };

  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void look().finally(() => {
      isBusy = false;
    });
  }, everyMs).unref();
  return () => clearInterval(timer);
}
