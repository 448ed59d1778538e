import type { Session } from './session.ts';

/** A session as the admin listener and `sallyport session list` show it. Times are ISO 8601 in UTC. */
export interface SessionView {
  readonly id: string;
  readonly user: string;
  /** Sign-in method. */
  readonly method: string;
  readonly address: string;
  readonly userAgent: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  /** Absolute end; the idle timeout may end it earlier. */
  readonly expiresAt: string;
  readonly remembered: boolean;
}

/** What of a session may be shown; nothing in it opens anything. */
export function viewSession(session: Session): SessionView {
  return {
    id: session.id,
    user: session.identity.user,
    method: session.identity.method,
    address: session.address,
    userAgent: session.userAgent,
    createdAt: new Date(session.createdAtMs).toISOString(),
    lastSeenAt: new Date(session.lastSeenAtMs).toISOString(),
    expiresAt: new Date(session.expiresAtMs).toISOString(),
    remembered: session.remembered,
  };
}
