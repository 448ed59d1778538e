import { createHmac } from 'node:crypto';
import type { Identity } from '../identity/identity.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Runtime } from '../runtime.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import type { Authenticated, Authentication, Rejected } from './authenticator.ts';
import { createVerifiedCache } from './verified-cache.ts';

/** That a name is this person's is believed for this long without asking the store again. */
const believedForMs = 60_000;
const maxKnown = 5_000;

export interface ClaimedIdentitiesOptions {
  /** Identity method, in the log. */
  readonly method: string;
  /** How such a person proved who they are (RFC 8176). */
  readonly amr: readonly string[];
  /** False when the user name is somebody else's; account bindings fit. Rejects with `store-unavailable`. */
  readonly owns: (identity: Identity) => Promise<boolean>;
  /** Names are looked at anew when the local users change. */
  readonly directory: Pick<UserDirectory, 'revision'>;
  readonly runtime: Runtime;
}

/** What a request says of a person, read and checked. */
export interface ReadIdentity {
  readonly identity: Identity;
  readonly endsAtMs?: number;
}

/** Identities that come with each request or connection, and no session. */
export interface ClaimedIdentities {
  /**
   * The answer for what a request shows (`evidence`: the same text for the same person, never another's). `read` makes the
   * identity where it is not known yet, or says in a slug why there is none. Rejects with `store-unavailable`.
   */
  readonly accept: (
    facts: RequestFacts,
    evidence: string,
    read: () => ReadIdentity | string,
  ) => Authentication | Promise<Authentication>;
  /** A no, told to the audit log. */
  readonly refuse: (facts: RequestFacts, reason: string) => Rejected;
}

/** Synchronous for whoever was seen within the last minute. */
export function createClaimedIdentities(options: ClaimedIdentitiesOptions): ClaimedIdentities {
  const { method, amr, owns, directory, runtime } = options;
  const key = runtime.randomBytes(32);
  const known = createVerifiedCache<Authenticated>({ maxEntries: maxKnown, now: runtime.now });

  const refuse = (facts: RequestFacts, reason: string): Rejected => {
    const request = { requestId: facts.id, address: facts.clientAddress, host: facts.host };
    runtime.log.info('sign-in.failed', { audit: true, ...request, peerAddress: facts.peerAddress, method, reason });
    return { kind: 'rejected', reason, clearSessionCookie: false, retryAfterSeconds: null };
  };

  return {
    refuse,
    accept: (facts, evidence, read) => {
      const digest = createHmac('sha256', key).update(evidence).digest('base64url');
      const { revision } = directory;
      const answer = known.get(digest, revision);
      if (answer !== undefined) return answer;
      const found = read();
      if (typeof found === 'string') return refuse(facts, found);
      const { identity, endsAtMs } = found;
      return owns(identity).then((isTheirs) => {
        if (!isTheirs) return refuse(facts, 'name-taken');
        const accepted: Authenticated = {
          kind: 'authenticated',
          identity,
          session: null,
          consumesAuthorization: false,
          // Nobody says when they last proved who they are, so no rule about that is met.
          secondFactor: false,
          authenticatedAtMs: 0,
          amr,
          ...(endsAtMs === undefined ? {} : { endsAtMs }),
        };
        known.put(digest, accepted, revision, Math.min(runtime.now() + believedForMs, endsAtMs ?? Infinity));
        return accepted;
      });
    },
  };
}
