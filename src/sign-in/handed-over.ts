import type { RenewalOutcome, SessionRenewer } from '../authentication/session-renewal.ts';
import type { Runtime } from '../runtime.ts';
import { neverChecked, type Session, type SessionStore } from '../session/session.ts';
import type { Verified } from './method.ts';

/** `provider.id` of sessions that follow another one: nobody may name a sign-in method so. */
export const handOverId = 'hand-over';

/** How often a session that was handed over looks at the one it came from. */
const followEveryMs = 60_000;

/** What a session at `publicUrl` vouches for at another host. Its tokens stay where they are: a refresh token is good once. */
export function verifiedBySession(parent: Session, nowMs: number): Verified {
  const { id, identity, credential, amr, handles, authenticatedAtMs, expiresAtMs, provider } = parent;
  const common = {
    kind: 'verified',
    identity,
    credential,
    amr,
    handles,
    authenticatedAtMs,
    endsAtMs: expiresAtMs,
  } as const;
  if (provider === null) return common;
  const checkAtMs = provider.checkAtMs === neverChecked ? neverChecked : nowMs + followEveryMs;
  const { accessToken } = provider;
  return { ...common, provider: { id: handOverId, checkAtMs, failingSinceMs: null, data: id, accessToken } };
}

export interface FollowerOptions {
  readonly sessions: Pick<SessionStore, 'read' | 'touch'>;
  /** Asks the provider of the session that is followed. */
  readonly renew: (parent: Session) => Promise<RenewalOutcome>;
  readonly now: Runtime['now'];
}

/** Keeps a session that was handed over in step with the one it came from, and that one alive: it ends and changes with it. */
export function createFollower({ sessions, renew, now }: FollowerOptions): SessionRenewer {
  return async (_session, { data }) => {
    let parent = await sessions.read(data);
    if (parent === null) return { kind: 'ended', reason: 'parent-ended' };
    if (parent.provider !== null && now() >= parent.provider.checkAtMs) {
      const outcome = await renew(parent);
      if (outcome.kind === 'over') return { kind: 'ended', reason: outcome.reason };
      if (outcome.kind === 'live') parent = outcome.session;
    }
    await sessions.touch(parent);
    const accessToken = parent.provider?.accessToken ?? null;
    return { kind: 'changed', identity: parent.identity, checkAtMs: now() + followEveryMs, accessToken };
  };
}

const signInPrefix = 'sign-in ';

/** A handle for a new sign-in, which every session that comes of it bears. */
export function newSignInHandle(randomBytes: Runtime['randomBytes']): string {
  return signInPrefix + randomBytes(16).toString('base64url');
}

/** Ends what else came of the sign-ins of these sessions, at whatever host; returns those that lived. */
export async function endSignIns(
  sessions: Pick<SessionStore, 'endHandle'>,
  ended: readonly Session[],
): Promise<readonly Session[]> {
  const handles = new Set(ended.flatMap((session) => session.handles.filter((name) => name.startsWith(signInPrefix))));
  const others = await Promise.all([...handles].map((handle) => sessions.endHandle(handle, 'signed-out')));
  return others.flat();
}
