import type { AccessTokenStore, FoundToken } from '../access-token/access-token.ts';
import { shortTokenId } from '../access-token/access-token.ts';
import { isTokenLike } from '../access-token/token-text.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Runtime } from '../runtime.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Authenticator, Rejected } from './authenticator.ts';
import { readBasicCredentials } from './basic-credentials.ts';
import type { BasicThrottle } from './basic.ts';
import { readBearerToken } from './bearer-token.ts';
import { createVerifiedCache } from './verified-cache.ts';

/** Identity method of who comes with a personal access token; issuer and subject stay those of its owner. */
export const tokenMethod = 'token';

/** A use is written down at most this often. */
const markEveryMs = 60_000;
/** A wrong token counts as one try for this long, however often it comes: a forgotten job must not lock its office out. */
const countedForMs = 300_000;
const maxRemembered = 10_000;

export interface AccessTokenAuthenticatorOptions {
  readonly tokens: Pick<AccessTokenStore, 'find' | 'markUsed' | 'end'>;
  readonly directory: Pick<UserDirectory, 'revision' | 'find'>;
  /** The limits on guessing that the sign-in form has. */
  readonly throttle: BasicThrottle;
  readonly runtime: Runtime;
}

interface Presented {
  readonly text: string;
  /** The user name beside it, with Basic; null with Bearer. */
  readonly user: string | null;
  readonly scheme: 'bearer' | 'basic';
}

/**
 * Believes personal access tokens, as Bearer and as the password of Basic (with the owner's user name, `token` or none beside it).
 * What its owner is now decides: a local user as the users file says, anybody else as their provider said last. A found token is
 * never locked out, wrong ones are counted by address. Synchronous while the token is in the near cache.
 */
export function createAccessTokenAuthenticator(options: AccessTokenAuthenticatorOptions): Authenticator {
  const { tokens, directory, throttle, runtime } = options;
  const { now, log } = runtime;
  const answers = new WeakMap<FoundToken, { readonly revision: number; readonly answer: Authenticated }>();
  const remember = (): ReturnType<typeof createVerifiedCache<true>> =>
    createVerifiedCache<true>({ maxEntries: maxRemembered, now });
  const counted = remember();
  const marked = remember();

  const audit = (event: string, facts: RequestFacts, fields: Readonly<Record<string, unknown>>): void => {
    const request = { requestId: facts.id, address: facts.clientAddress, host: facts.host };
    log.info(event, { audit: true, ...request, ...fields });
  };
  const refuse = (facts: RequestFacts, { scheme }: Presented, reason: string, fields: object = {}): Rejected => {
    audit('access-token.refused', facts, { reason, ...fields });
    return rejected(reason, scheme);
  };

  const refuseUnknown = async (facts: RequestFacts, presented: Presented): Promise<Rejected> => {
    if (counted.get(presented.text, 0) === undefined) {
      const reservation = await throttle.reserve({ user: null, address: facts.clientAddress });
      if (reservation.kind === 'throttled') {
        audit('access-token.refused', facts, { reason: 'throttled' });
        return { ...rejected('throttled', presented.scheme), retryAfterSeconds: reservation.retryAfterSeconds };
      }
      await reservation.settle('wrong');
      counted.put(presented.text, true, 0, now() + countedForMs);
    }
    return refuse(facts, presented, 'token-unknown');
  };

  /** The owner as they are now; a slug when the token opens nothing any more. */
  const ownerNow = (
    found: Extract<FoundToken, { kind: 'found' }>,
  ): Identity | 'user-gone' | 'user-disabled' | 'name-taken' => {
    const { owner } = found.token;
    const listed = directory.find(owner.user);
    if (owner.issuer === localIssuer) {
      if (listed === null) return 'user-gone';
      return listed.disabled ? 'user-disabled' : listed.identity;
    }
    // The users file has the first claim on a name.
    if (listed !== null) return 'name-taken';
    return found.owner ?? 'user-gone';
  };

  const accept = (
    facts: RequestFacts,
    presented: Presented,
    found: FoundToken,
  ): Authentication | Promise<Authentication> => {
    if (found.kind === 'malformed') return refuse(facts, presented, 'token-malformed');
    if (found.kind === 'unknown') return refuseUnknown(facts, presented);
    const { token } = found;
    const named = { token: shortTokenId(token.id), user: token.owner.user };
    if (!isNameOf(token.owner.user, presented.user)) return refuse(facts, presented, 'token-user-mismatch', named);
    const { revision } = directory;
    const known = answers.get(found);
    if (known?.revision === revision) {
      mark(found, facts);
      return known.answer;
    }
    const identity = ownerNow(found);
    if (typeof identity === 'string') {
      const refused = refuse(facts, presented, identity, named);
      // Whoever bears the name next must not find old tokens; who is merely disabled may come back.
      return identity === 'user-disabled' ? refused : tokens.end(token.id, identity).then(() => refused);
    }
    const answer: Authenticated = {
      kind: 'authenticated',
      identity: { ...identity, method: tokenMethod },
      session: null,
      consumesAuthorization: true,
      secondFactor: false,
      authenticatedAtMs: 0,
      amr: noAmr,
      endsAtMs: token.expiresAtMs,
      limits: { routes: setOrNull(token.routes), methods: setOrNull(token.methods) },
    };
    answers.set(found, { revision, answer });
    mark(found, facts);
    return answer;
  };

  const mark = ({ token }: Extract<FoundToken, { kind: 'found' }>, facts: RequestFacts): void => {
    if (marked.get(token.id, 0) !== undefined) return;
    marked.put(token.id, true, 0, now() + markEveryMs);
    // The answer does not wait for it, and a store that is down is told by the next read.
    tokens.markUsed(token, { atMs: now(), address: facts.clientAddress }).then(
      (isFirst) => {
        const { user } = token.owner;
        if (isFirst) audit('access-token.first-used', facts, { user, token: shortTokenId(token.id) });
      },
      (error: unknown) => log.warn('access-token.mark-failed', { error }),
    );
  };

  return (facts, scope) => {
    const presented = readPresented(facts);
    if (presented === null) return none;
    if (!scope.acceptTokens) return refuse(facts, presented, 'token-not-accepted');
    const found = tokens.find(presented.text);
    return found instanceof Promise
      ? found.then((settled) => accept(facts, presented, settled))
      : accept(facts, presented, found);
  };
}

const none = { kind: 'none' } as const;
const noAmr: readonly string[] = [];

function readPresented(facts: RequestFacts): Presented | null {
  const authorization = facts.header('authorization');
  if (authorization === undefined) return null;
  const bearer = readBearerToken(facts);
  if (bearer !== null) return isTokenLike(bearer) ? { text: bearer, user: null, scheme: 'bearer' } : null;
  const basic = readBasicCredentials(facts);
  if (basic.kind !== 'credentials' || !isTokenLike(basic.password)) return null;
  return { text: basic.password, user: basic.user, scheme: 'basic' };
}

function isNameOf(owner: string, written: string | null): boolean {
  if (written === null || written === '' || written === 'token') return true;
  return canonicalUserName(written.trim()) === owner;
}

function setOrNull(values: readonly string[] | null): ReadonlySet<string> | null {
  return values === null ? null : new Set(values);
}

function rejected(reason: string, scheme: 'bearer' | 'basic'): Rejected {
  return { kind: 'rejected', reason, clearSessionCookie: false, retryAfterSeconds: null, scheme };
}
