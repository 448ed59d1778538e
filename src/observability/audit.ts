import type { RequestFacts } from '../request/facts.ts';
import type { Log } from '../runtime.ts';

/** What an auditor asks about: who did what, from where, when. */
export type AuditEvent =
  | 'sign-in.succeeded'
  | 'sign-in.failed'
  | 'sign-in.throttled'
  | 'sign-in.unavailable'
  | 'sign-in.name-taken'
  | 'name.released'
  | 'provider-logout.refused'
  | 'session.ended'
  | 'session.revoked'
  | 'access.denied'
  | 'access-token.made'
  | 'access-token.revoked'
  | 'key.rotated'
  | 'config.reloaded'
  | 'config.refused'
  | 'users.reloaded'
  | 'users.refused';

export type Audit = (event: AuditEvent, facts: RequestFacts | null, fields?: Readonly<Record<string, unknown>>) => void;

/** Audit lines stand in the same stream as the log, marked `audit: true`, each with user, address and request id where there are any. */
export function createAudit(log: Log): Audit {
  return (event, facts, fields = {}) => {
    const request = facts === null ? {} : { requestId: facts.id, address: facts.clientAddress, host: facts.host };
    log.info(event, { audit: true, ...request, ...fields });
  };
}
