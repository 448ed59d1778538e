import type { SetIndex } from '../store/store.ts';
import type { Session } from './session.ts';

/** Name of the set of a user's sessions. */
export function userSet(user: string): string {
  return `user:${user}`;
}

/** Name of the set of the sessions that bear a handle. */
export function handleSet(handle: string): string {
  return `handle:${handle}`;
}

/** Makes a session known under its user and its handles. */
export async function enlist(index: SetIndex, session: Session): Promise<void> {
  for (const set of setsOf(session)) await index.add(set, session.id, session.expiresAtMs);
}

export async function strikeOut(index: SetIndex, session: Session): Promise<void> {
  await Promise.all(setsOf(session).map((set) => index.remove(set, session.id)));
}

function setsOf({ identity, handles }: Session): readonly string[] {
  return [userSet(identity.user), ...handles.map(handleSet)];
}
