import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Completed } from '../observability/access-log.ts';
import type { RequestFacts } from '../request/facts.ts';

/** One request on its way through a door, and where its answer goes. */
export interface Exchange {
  readonly facts: RequestFacts;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A door answers an exchange and tells how; it resolves when the answer is on the wire or the visitor is gone. */
export type Door = (exchange: Exchange) => Promise<Completed>;
