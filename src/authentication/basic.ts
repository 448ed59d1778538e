import { createHmac } from 'node:crypto';
import type { Identity } from '../identity/identity.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Runtime } from '../runtime.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Authenticator, Rejected } from './authenticator.ts';
import { readBasicCredentials } from './basic-credentials.ts';
import { createVerifiedCache } from './verified-cache.ts';

/** A password counts as verified for this long without being hashed again. */
const verifiedForMs = 60_000;
const maxVerified = 10_000;

/** What a password method says; `local` and others fit. */
export type BasicVerdict =
  { readonly kind: 'verified'; readonly identity: Identity } | { readonly kind: 'refused'; readonly reason: string };

/** The same limits on guessing as the sign-in form has; a sign-in throttle fits. */
export interface BasicThrottle {
  readonly reserve: (guess: { readonly user: string | null; readonly address: string }) => Promise<
    | {
        readonly kind: 'reserved';
        readonly settle: (outcome: 'right' | 'wrong' | 'abandoned') => Promise<void>;
      }
    | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  >;
}

export interface BasicAuthenticatorOptions {
  /** Compares a password; `user` is canonical. Rejects with `sign-in-busy`. */
  readonly verify: (user: string, password: string) => Promise<BasicVerdict>;
  readonly throttle: BasicThrottle;
  /** Verified passwords are forgotten when the users change. */
  readonly directory: Pick<UserDirectory, 'revision'>;
  readonly runtime: Runtime;
}

/**
 * User name and password with each request (RFC 7617), only on routes that accept it. Such a program asks many times a second,
 * so a verified password is believed for a minute, by the digest under a key of this process, from the same address only:
 * from elsewhere a lock must hold for the right password too. Where Basic is sent it has the word, over any cookie.
 */
export function createBasicAuthenticator(options: BasicAuthenticatorOptions): Authenticator {
  const { verify, throttle, directory, runtime } = options;
  const key = runtime.randomBytes(32);
  const verified = createVerifiedCache<Identity>({ maxEntries: maxVerified, now: runtime.now });
  // Requests that come together with one password wait for one comparison.
  const underWay = new Map<string, Promise<Identity | Rejected>>();

  const compare = async (facts: RequestFacts, user: string, password: string): Promise<Identity | Rejected> => {
    const reservation = await throttle.reserve({ user, address: facts.clientAddress });
    if (reservation.kind === 'throttled') {
      log('sign-in.throttled', facts, user, 'throttled');
      return rejected('throttled', reservation.retryAfterSeconds);
    }
    let verdict: BasicVerdict;
    try {
      verdict = await verify(user, password);
    } catch (error) {
      await reservation.settle('abandoned');
      throw error;
    }
    await reservation.settle(verdict.kind === 'verified' ? 'right' : 'wrong');
    if (verdict.kind === 'verified') return verdict.identity;
    log('sign-in.failed', facts, user, verdict.reason);
    return rejected('wrong-credentials');
  };
  const log = (event: string, facts: RequestFacts, user: string, reason: string): void => {
    const request = { requestId: facts.id, address: facts.clientAddress, host: facts.host };
    runtime.log.info(event, { audit: true, ...request, user: user.slice(0, 64), method: 'basic', reason });
  };

  const compareOnce = (digest: string, facts: RequestFacts, user: string, password: string) => {
    const running = underWay.get(digest);
    if (running) return running;
    const { revision } = directory;
    const started = compare(facts, user, password).then((result) => {
      if (!('kind' in result)) verified.put(digest, result, revision, runtime.now() + verifiedForMs);
      return result;
    });
    underWay.set(digest, started);
    const forget = (): void => void underWay.delete(digest);
    started.then(forget, forget);
    return started;
  };

  return (facts, scope): Authentication | Promise<Authentication> => {
    if (!scope.acceptBasic) return none;
    const credentials = readBasicCredentials(facts);
    if (credentials.kind === 'none') return none;
    if (credentials.kind === 'malformed') return rejected('malformed-credentials');
    const user = canonicalUserName(credentials.user.trim());
    if (user === null || credentials.password === '') return rejectUnverified(facts, user);
    const { password } = credentials;
    const digest = createHmac('sha256', key)
      .update(JSON.stringify([user, facts.clientAddress, password]))
      .digest('base64url');
    const known = verified.get(digest, directory.revision);
    if (known) return accepted(known, facts);
    return compareOnce(digest, facts, user, password).then((result) =>
      'kind' in result ? result : accepted(result, facts),
    );
  };

  /** What can't be right counts as a try like any other. */
  async function rejectUnverified(facts: RequestFacts, user: string | null): Promise<Rejected> {
    const reservation = await throttle.reserve({ user, address: facts.clientAddress });
    if (reservation.kind === 'throttled') return rejected('throttled', reservation.retryAfterSeconds);
    await reservation.settle('wrong');
    log('sign-in.failed', facts, user ?? '', user === null ? 'malformed-user-name' : 'empty-password');
    return rejected('wrong-credentials');
  }
}

const none = { kind: 'none' } as const;

function accepted(identity: Identity, facts: RequestFacts): Authenticated {
  return {
    kind: 'authenticated',
    identity,
    session: null,
    consumesAuthorization: true,
    secondFactor: false,
    // The password came with this very request.
    authenticatedAtMs: facts.receivedAtMs,
  };
}

function rejected(reason: string, retryAfterSeconds: number | null = null): Rejected {
  return { kind: 'rejected', reason, clearSessionCookie: false, retryAfterSeconds };
}
