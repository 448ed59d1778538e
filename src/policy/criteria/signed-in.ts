import type { IdentityCriterion } from '../criterion.ts';

/** `signed-in`: whoever is known. */
export function signedInCriterion(): IdentityCriterion {
  return { wants: 'signed-in', fits: () => true, sees: (identity) => `user ${identity.user}` };
}
