import { canonicalUserName } from '../../identity/user-name.ts';
import type { IdentityCriterion } from '../criterion.ts';

/** `users: [alice]`: names compared in their canonical form. */
export function userCriterion(users: readonly string[]): IdentityCriterion {
  const names = new Set(users.map((user) => canonicalUserName(user)).filter((name) => name !== null));
  return {
    wants: `users ${users.join(', ')}`,
    fits: (identity) => names.has(identity.user),
    sees: (identity) => `user ${identity.user}`,
  };
}
