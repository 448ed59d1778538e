import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Authenticated } from '../authentication/authenticator.ts';
import { GatewayError } from '../errors.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Route } from '../route/table.ts';
import type { ForwarderOptions, ForwardOutcome } from './forward.ts';

/** An upgrade that the gate lets through. */
export interface UpgradeJob {
  readonly facts: RequestFacts;
  readonly route: Route;
  readonly visitor: Authenticated | null;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface UpgradeHandle {
  /** Never rejects. */
  readonly done: Promise<ForwardOutcome>;
  /** Ends the tunnel; a WebSocket hears the close code first. */
  readonly close: (code: number) => void;
}

export interface Upgrader {
  readonly upgrade: (job: UpgradeJob) => UpgradeHandle;
}

/** Refuses every upgrade until the tunnel stands. */
export function createUpgrader(_options: ForwarderOptions): Upgrader {
  return {
    upgrade: () => ({
      done: Promise.resolve({
        kind: 'failed',
        error: new GatewayError('upstream-unreachable', 'upgrades are not carried yet'),
        responseStarted: false,
      }),
      close: () => undefined,
    }),
  };
}
