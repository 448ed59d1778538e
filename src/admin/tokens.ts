import { shortTokenId, type AccessTokenStore } from '../access-token/access-token.ts';
import { viewToken, type AccessTokenView } from '../access-token/view.ts';

/** What the admin listener may do with access tokens. */
export type AdminTokens = Pick<AccessTokenStore, 'listAll' | 'end'>;

export interface TokenRevocation {
  readonly tokens: AdminTokens;
  /** Hears of each token that is revoked. */
  readonly audit: (fields: Readonly<Record<string, unknown>>) => void;
}

/** All tokens, or those of one canonical user name. */
export async function listTokens(tokens: AdminTokens, user: string | null): Promise<readonly AccessTokenView[]> {
  const views: AccessTokenView[] = [];
  for await (const listed of tokens.listAll())
    if (user === null || listed.token.owner.user === user) views.push(viewToken(listed));
  return views;
}

/** Ends one token; how many that were. */
export async function revokeToken({ tokens, audit }: TokenRevocation, id: string): Promise<number> {
  const token = await tokens.end(id, 'revoked');
  if (token === null) return 0;
  audit({ user: token.owner.user, token: shortTokenId(id) });
  return 1;
}

/** Ends the tokens of one canonical user name, or everybody's; how many that were. */
export async function revokeTokens(revocation: TokenRevocation, user: string | null): Promise<number> {
  let ended = 0;
  for await (const { token } of revocation.tokens.listAll())
    if (user === null || token.owner.user === user) ended += await revokeToken(revocation, token.id);
  return ended;
}
