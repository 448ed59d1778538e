import type { ListedToken } from './access-token.ts';

/** An access token as the admin listener and `sallyport token list` show it. Times are ISO 8601 in UTC. */
export interface AccessTokenView {
  readonly id: string;
  readonly user: string;
  /** Who vouches for the owner: `local`, or the issuer of a provider. */
  readonly issuer: string;
  readonly name: string;
  /** Ids of routes; null: every one. */
  readonly routes: readonly string[] | null;
  readonly methods: readonly string[] | null;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Null: never. */
  readonly lastUsedAt: string | null;
  readonly lastUsedFrom: string | null;
}

/** What of a token may be shown; nothing in it opens anything. */
export function viewToken({ token, lastUse }: ListedToken): AccessTokenView {
  const { id, owner, name, routes, methods } = token;
  return {
    id,
    user: owner.user,
    issuer: owner.issuer,
    name,
    routes,
    methods,
    createdAt: new Date(token.createdAtMs).toISOString(),
    expiresAt: new Date(token.expiresAtMs).toISOString(),
    lastUsedAt: lastUse === null ? null : new Date(lastUse.atMs).toISOString(),
    lastUsedFrom: lastUse?.address ?? null,
  };
}
