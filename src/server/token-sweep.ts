import type { AccessTokenStore, TokenOwner } from '../access-token/access-token.ts';
import type { Identity } from '../identity/identity.ts';
import type { Log } from '../runtime.ts';
import type { Store } from '../store/store.ts';

/** Who can say what somebody is now without their being there: a directory. */
export interface OwnerAsker {
  /** `issuer` of the people it knows. */
  readonly issuer: string;
  readonly everyMs: number;
  /** Null: the person is gone, or may not sign in any more. Rejects when nobody can say now. */
  readonly ask: (owner: TokenOwner) => Promise<Identity | null>;
}

export interface TokenSweepOptions {
  readonly askers: readonly OwnerAsker[];
  readonly tokens: Pick<AccessTokenStore, 'listAll' | 'end' | 'ownerSeen'>;
  readonly store: Pick<Store, 'add'>;
  readonly log: Log;
}

const namespace = 'token-sweep';

/**
 * Keeps the access tokens of people in step with the directory that knows them, though nobody of them signs in: tokens of who
 * is gone end, all others stand for the person as they are now. One process at a time does it for all on the store. Returns the
 * function that stops it.
 */
export function sweepTokenOwners({ askers, tokens, store, log }: TokenSweepOptions): () => void {
  const sweepOne = async (ids: readonly string[], owner: TokenOwner, { ask }: OwnerAsker): Promise<void> => {
    const identity = await ask(owner);
    if (identity !== null) return tokens.ownerSeen(identity);
    for (const id of ids) await tokens.end(id, 'user-gone');
  };
  const sweep = async (asker: OwnerAsker): Promise<void> => {
    const { issuer, everyMs } = asker;
    // A little less than the time between two: clocks of processes differ, and none shall be left out by a hair.
    if (!(await store.add(namespace, issuer, 'swept', Math.max(1, Math.floor(everyMs * 0.9))))) return;
    const owners = new Map<string, { readonly owner: TokenOwner; readonly ids: string[] }>();
    for await (const { token } of tokens.listAll()) {
      if (token.owner.issuer !== issuer) continue;
      const known = owners.get(token.owner.subject);
      if (known === undefined) owners.set(token.owner.subject, { owner: token.owner, ids: [token.id] });
      else known.ids.push(token.id);
    }
    for (const { owner, ids } of owners.values())
      await sweepOne(ids, owner, asker).catch((error: unknown) =>
        log.warn('access-token.owner-failed', { user: owner.user, error }),
      );
  };
  const timers = askers.map((asker) =>
    setInterval(() => {
      sweep(asker).catch((error: unknown) => log.warn('access-token.sweep-failed', { error }));
    }, asker.everyMs).unref(),
  );
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
