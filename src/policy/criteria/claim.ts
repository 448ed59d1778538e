import type { IdentityCriterion } from '../criterion.ts';

/** `claims: {department: [it]}`: one of the claim's values, letter by letter. */
export function claimCriterion(name: string, values: readonly string[]): IdentityCriterion {
  const wanted = new Set(values);
  return {
    wants: `claim ${name} ${values.join(', ')}`,
    fits: ({ claims }) => Object.hasOwn(claims, name) && (claims[name]?.some((value) => wanted.has(value)) ?? false),
    sees: ({ claims }) =>
      Object.hasOwn(claims, name) ? `claim ${name} ${claims[name]?.join(', ') ?? ''}` : `no claim ${name}`,
  };
}
