import type { Runtime } from '../runtime.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import { neverChecked, type EndReason, type Session, type SessionStore } from '../session/session.ts';
import type { DirectoryUser, UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Authenticator, Rejected } from './authenticator.ts';
import type { SessionRenewal } from './session-renewal.ts';

export interface SessionCookieAuthenticatorOptions {
  readonly sessions: Pick<SessionStore, 'find' | 'touch' | 'update' | 'end'>;
  readonly directory: Pick<UserDirectory, 'revision' | 'find' | 'sameCredential'>;
  /** Where the cookie that a host may set is sent; as `SessionCookie` has it. */
  readonly siteOf: (host: string) => string;
  /** Asks the providers of sessions that others than the users file vouch for. */
  readonly renewal: SessionRenewal;
  readonly runtime: Runtime;
}

/** What was found out about a session object, at which revision of the directory, and until when it holds. */
interface Checked {
  readonly revision: number;
  readonly checkAtMs: number;
  readonly answer: Authenticated;
}

const ambiguous = rejected('ambiguous-session-cookie');
const unknown = rejected('session-unknown');
const elsewhere = rejected('session-of-another-host');

/**
 * Believes the session cookie. Two distinct tokens in one request are no token: we can't know who set which. A session of a
 * local user follows the users file: it ends with its user or password, and takes on new groups and names. Any other session
 * follows its provider, and ends when the users file claims its user name.
 * Synchronous while the session is in the near cache and the users are as they were.
 */
export function createSessionCookieAuthenticator({
  sessions,
  directory,
  siteOf,
  renewal,
  runtime,
}: SessionCookieAuthenticatorOptions): Authenticator {
  const checked = new WeakMap<Session, Checked>();

  const touch = (session: Session): void => {
    // The answer does not wait for it, and a store that is down is told by the next read.
    sessions.touch(session)?.catch((error: unknown) => runtime.log.warn('session.touch-failed', { error }));
  };
  const accept = (
    session: Session,
    revision: number,
    checkAtMs = session.provider?.checkAtMs ?? neverChecked,
  ): Authenticated => {
    const answer: Authenticated = {
      kind: 'authenticated',
      identity: session.identity,
      session,
      consumesAuthorization: false,
      secondFactor: session.amr.includes('mfa'),
      authenticatedAtMs: session.authenticatedAtMs,
    };
    checked.set(session, { revision, checkAtMs, answer });
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
    const updated = await sessions.update(session, { identity: user.identity, credential: user.credential });
    return updated === null ? unknown : accept(updated, revision);
  };

  /** Asks the provider that vouches for the session. */
  const renew = async (session: Session, revision: number): Promise<Authentication> => {
    const outcome = await renewal.renew(session);
    switch (outcome.kind) {
      case 'over':
        return rejected(outcome.reason);
      case 'postponed':
        touch(session);
        return accept(session, revision, outcome.untilMs);
      case 'live':
        touch(outcome.session);
        return accept(outcome.session, revision);
    }
  };
  const judgeProvided = (session: Session, revision: number): Authentication | Promise<Authentication> => {
    // The users file has the first claim on a name, also on one that it comes to know of later.
    if (directory.find(session.identity.user) !== null) return end(session, 'name-taken');
    const { provider } = session;
    if (provider !== null && runtime.now() >= (checked.get(session)?.checkAtMs ?? provider.checkAtMs))
      return renew(session, revision);
    touch(session);
    return accept(session, revision, checked.get(session)?.checkAtMs);
  };

  const judge = (session: Session | null, host: string): Authentication | Promise<Authentication> => {
    if (session === null) return unknown;
    // Browsers send a cookie only where it was set: elsewhere somebody carries a token about.
    if (session.site !== siteOf(host)) return elsewhere;
    const { revision } = directory;
    const known = checked.get(session);
    if (known?.revision === revision && runtime.now() < known.checkAtMs) {
      touch(session);
      return known.answer;
    }
    if (session.identity.issuer !== localIssuer) return judgeProvided(session, revision);
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
    one.issuer === other.issuer &&
    one.subject === other.subject &&
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
