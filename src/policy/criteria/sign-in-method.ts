import type { IdentityCriterion } from '../criterion.ts';

/** `methods: [local]` of a person: how they signed in. */
export function signInMethodCriterion(methods: readonly string[]): IdentityCriterion {
  const names = new Set(methods);
  return {
    wants: `sign-in methods ${methods.join(', ')}`,
    fits: (identity) => names.has(identity.method),
    sees: (identity) => `signed in by ${identity.method}`,
  };
}
