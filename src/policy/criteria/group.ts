import type { IdentityCriterion } from '../criterion.ts';

/** `groups: [editors]`: exact, letter by letter; `Editors` and `editors ` are other groups. */
export function groupCriterion(groups: readonly string[]): IdentityCriterion {
  const names = new Set(groups);
  return {
    wants: `groups ${groups.join(', ')}`,
    fits: (identity) => identity.groups.some((group) => names.has(group)),
    sees: (identity) => (identity.groups.length === 0 ? 'no groups' : `groups ${identity.groups.join(', ')}`),
  };
}
