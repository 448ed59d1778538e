import type { IdentityCriterion } from '../criterion.ts';
import { canonicalEmail } from './email.ts';

/** `emailDomains: [example.com]`: exactly this domain, not those below it. */
export function emailDomainCriterion(domains: readonly string[]): IdentityCriterion {
  const names = new Set(domains.map((domain) => domain.toLowerCase()));
  return {
    wants: `emailDomains ${domains.join(', ')}`,
    fits: (identity) => {
      const email = canonicalEmail(identity.email);
      return email !== null && names.has(email.slice(email.indexOf('@') + 1));
    },
    sees: (identity) => (identity.email === '' ? 'no email' : `email ${identity.email}`),
  };
}
