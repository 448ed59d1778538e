import type { Gate } from '../gate.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Runtime } from '../runtime.ts';
import { createBag } from '../session/bag.ts';

/** Something that was let through and still runs: a request, a stream, a tunnel. */
export interface LiveExchange {
  readonly facts: RequestFacts;
  /** WebSockets hear `code` (RFC 6455 §7.4.1); requests are aborted. */
  readonly close: (code: number) => void;
  /** Open until one side closes it. */
  readonly isTunnel: boolean;
  /** When the credential ends that opened it, and this with it; left out where a session is watched instead. */
  readonly endsAtMs?: number | undefined;
}

/** WebSocket close codes (RFC 6455 §7.4.1): going away, policy violation. */
export const closeCodes = { goingAway: 1001, notAllowed: 1008 } as const;

/** What runs at this moment, through any door and any generation of the configuration. */
export interface LiveTraffic {
  readonly add: (exchange: LiveExchange) => () => void;
  /** Session tokens that what runs came with, each once. */
  readonly sessionTokens: () => ReadonlySet<string>;
  /**
   * Asks the gate anew about everything that runs, or what `concerns` picks, after users or rules changed; closes what would not
   * be let through now.
   */
  readonly judgeAgain: (gate: Gate, concerns?: (facts: RequestFacts) => boolean) => Promise<void>;
  /** Closes everything that runs. */
  readonly closeAll: () => void;
  /** Tells every tunnel that we are going away, also those that come later. */
  readonly closeTunnels: () => void;
}

/** Running exchanges that the gate is asked about side by side. */
const judgedAtOnce = 50;

const tickMs = 500;

export function createLiveTraffic({ log, now }: Pick<Runtime, 'log' | 'now'>): LiveTraffic {
  const exchanges = createBag<LiveExchange>();
  let isGoingAway = false;
  let timer: NodeJS.Timeout | undefined;

  /** Closes what was opened by a credential that has ended; runs only while there is something to watch. */
  const watchEnds = (): void => {
    timer ??= setInterval(() => {
      const nowMs = now();
      const watched = exchanges.values().filter(({ endsAtMs }) => endsAtMs !== undefined);
      for (const { endsAtMs = Infinity, close } of watched) if (endsAtMs <= nowMs) close(closeCodes.notAllowed);
      if (watched.length > 0) return;
      clearInterval(timer);
      timer = undefined;
    }, tickMs).unref();
  };

  const judge = async (exchange: LiveExchange, gate: Gate): Promise<void> => {
    try {
      // As of its arrival: time alone ends nothing that was let through (`hours`, `signedInWithin`), only new rules or users do.
      const decision = await gate(exchange.facts, exchange.facts.receivedAtMs);
      if (decision.kind === 'forward') return;
      log.info('connection.closed', { requestId: exchange.facts.id, reason: decision.reason });
      exchange.close(closeCodes.notAllowed);
    } catch (error) {
      // The store can't say: what was allowed goes on until it can.
      log.warn('connection.not-judged', { requestId: exchange.facts.id, error });
    }
  };

  return {
    add: (exchange) => {
      // It was let through while everything else was being told.
      if (isGoingAway && exchange.isTunnel) setImmediate(() => exchange.close(closeCodes.goingAway));
      if (exchange.endsAtMs !== undefined) watchEnds();
      return exchanges.add(exchange);
    },
    sessionTokens: () => new Set(exchanges.values().flatMap(({ facts }) => facts.sessionTokens)),
    judgeAgain: async (gate, concerns = () => true) => {
      const waiting = exchanges.values().filter(({ facts }) => concerns(facts));
      // Some at a time: where the store is slow to answer, one after the other would take minutes.
      for (let batch = waiting.splice(0, judgedAtOnce); batch.length > 0; batch = waiting.splice(0, judgedAtOnce))
        await Promise.all(batch.map((exchange) => judge(exchange, gate)));
    },
    closeAll: () => {
      for (const exchange of exchanges.values()) exchange.close(closeCodes.goingAway);
    },
    closeTunnels: () => {
      isGoingAway = true;
      for (const exchange of exchanges.values()) if (exchange.isTunnel) exchange.close(closeCodes.goingAway);
    },
  };
}
