import type { AccessTokenStore } from '../access-token/access-token.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import type { Log } from '../runtime.ts';
import type { SessionStore } from '../session/session.ts';
import type { UserDirectory } from '../users/user-directory.ts';

/**
 * Sessions that pass on what a provider says of a person, at sign-in and whenever it is asked again, to their access tokens. What
 * could not be passed on is logged, and passed on next time: the sign-in does not fail for it.
 */
export function tellTokens(
  sessions: SessionStore,
  tokens: Pick<AccessTokenStore, 'ownerSeen'>,
  log: Log,
): SessionStore {
  const tell = (identity: Identity): Promise<void> =>
    tokens.ownerSeen(identity).catch((error: unknown) => log.warn('access-token.owner-failed', { error }));
  return {
    ...sessions,
    create: async (input) => {
      const created = await sessions.create(input);
      await tell(created.session.identity);
      return created;
    },
    update: async (session, change) => {
      const updated = await sessions.update(session, change);
      if (updated !== null && change.identity !== undefined) await tell(updated.identity);
      return updated;
    },
  };
}

/**
 * Ends the tokens of local users who are no longer in the users file, so that the next bearer of the name does not find them. Who is
 * merely disabled keeps theirs: they open nothing meanwhile.
 */
export async function endTokensOfGone(
  tokens: Pick<AccessTokenStore, 'listAll' | 'end'>,
  directory: Pick<UserDirectory, 'find'>,
  log: Log,
): Promise<void> {
  try {
    for await (const { token } of tokens.listAll())
      if (token.owner.issuer === localIssuer && directory.find(token.owner.user) === null)
        await tokens.end(token.id, 'user-gone');
  } catch (error) {
    // They open nothing in any case, as their owner is not there.
    log.warn('access-token.sweep-failed', { error });
  }
}
