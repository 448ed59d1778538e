import type { EndReason, Session, SessionStore } from '../session/session.ts';

/** A browser has one session; more tokens than this come from somebody who plays with cookies. */
const maxTokens = 4;

/** Ends the sessions of the tokens that a browser sent; returns those that lived. Rejects with `store-unavailable`. */
export async function endSessionsOf(
  sessions: Pick<SessionStore, 'find' | 'end'>,
  tokens: readonly string[],
  reason: EndReason,
): Promise<readonly Session[]> {
  const ended: Session[] = [];
  for (const token of [...new Set(tokens)].slice(0, maxTokens)) {
    const session = await sessions.find(token);
    if (session === null) continue;
    await sessions.end(session.id, reason);
    ended.push(session);
  }
  return ended;
}
