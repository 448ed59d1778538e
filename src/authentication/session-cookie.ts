import type { Runtime } from '../runtime.ts';
import type { Identity } from '../identity/identity.ts';
import type { EndReason, Session, SessionStore } from '../session/session.ts';
import type { DirectoryUser, UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Authenticator, Rejected } from './authenticator.ts';

export interface SessionCookieAuthenticatorOptions {
  readonly sessions: Pick<SessionStore, 'find' | 'touch' | 'update' | 'end'>;
  readonly directory: Pick<UserDirectory, 'revision' | 'find' | 'sameCredential'>;
  /** Where the cookie that a host may set is sent; as `SessionCookie` has it. */
  readonly siteOf: (host: string) => string;
  readonly runtime: Runtime;
}

/** What was found out about a session object, and at which revision of the directory. */
interface Checked {
  readonly revision: number;
  readonly answer: Authenticated;
}

const ambiguous = rejected('ambiguous-session-cookie');
const unknown = rejected('session-unknown');
const elsewhere = rejected('session-of-another-host');

/**
 * Believes the session cookie. Two distinct tokens in one request are no token: we can't know who set which. A session of a
 * local user follows the users file: it ends with its user or password, and takes on new groups and names.
 * Synchronous while the session is in the near cache and the users are as they were.
 */
export function createSessionCookieAuthenticator({
  sessions,
  directory,
  siteOf,
  runtime,
}: SessionCookieAuthenticatorOptions): Authenticator {
  const checked = new WeakMap<Session, Checked>();

  const touch = (session: Session): void => {
    // The answer does not wait for it, and a store that is down is told by the next read.
    sessions.touch(session)?.catch((error: unknown) => runtime.log.warn('session.touch-failed', { error }));
  };
  const accept = (session: Session, revision: number): Authenticated => {
    const answer: Authenticated = {
      kind: 'authenticated',
      identity: session.identity,
      session,
      consumesAuthorization: false,
      secondFactor: session.amr.includes('mfa'),
      authenticatedAtMs: session.authenticatedAtMs,
    };
    checked.set(session, { revision, answer });
    return answer;
  };
  const end = async (session: Session, reason: EndReason): Promise<Rejected> => {
    await sessions.end(session.id, reason);
    return rejected(reason);
  };
  const takeOn = async (session: Session, user: DirectoryUser, revision: number): Promise<Authentication> => {
    if (!(await directory.sameCredential(session.credential, user.credential))) {
      return end(session, 'credential-changed');
    }
    if (sameIdentity(session.identity, user.identity) && session.credential === user.credential) {
      return accept(session, revision);
    }
    const updated = await sessions.update(session, user.identity, user.credential);
    return updated === null ? unknown : accept(updated, revision);
  };

  const judge = (session: Session | null, host: string): Authentication | Promise<Authentication> => {
    if (session === null) return unknown;
    // Browsers send a cookie only where it was set: elsewhere somebody carries a token about.
    if (session.site !== siteOf(host)) return elsewhere;
    const { revision } = directory;
    const known = checked.get(session);
    if (known?.revision === revision) {
      touch(session);
      return known.answer;
    }
    if (session.identity.method !== 'local') {
      touch(session);
      return accept(session, revision);
    }
    const user = directory.find(session.identity.user);
    if (user === null || user.disabled) return end(session, 'user-gone');
    if (user.credential !== session.credential || !sameIdentity(session.identity, user.identity)) {
      return takeOn(session, user, revision);
    }
    touch(session);
    return accept(session, revision);
  };

  return (facts) => {
    const [token] = facts.sessionTokens;
    if (token === undefined) return { kind: 'none' };
    if (facts.sessionTokens.some((other) => other !== token)) return ambiguous;
    const found = sessions.find(token);
    return found instanceof Promise ? found.then((session) => judge(session, facts.host)) : judge(found, facts.host);
  };
}

function rejected(reason: string): Rejected {
  return { kind: 'rejected', reason, clearSessionCookie: true, retryAfterSeconds: null };
}

function sameIdentity(one: Identity, other: Identity): boolean {
  return (
    one.user === other.user &&
    one.name === other.name &&
    one.email === other.email &&
    one.method === other.method &&
    one.groups.length === other.groups.length &&
    one.groups.every((group, index) => group === other.groups[index]) &&
    sameClaims(one.claims, other.claims)
  );
}

function sameClaims(one: Identity['claims'], other: Identity['claims']): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && one[name]?.join('\n') === other[name]?.join('\n'))
  );
}
