import { createNetworkSet } from '../../request/client-address.ts';
import type { RequestCriterion } from '../criterion.ts';

/** `networks: [10.0.0.0/8]`: the client address; what is not an address is in no network. */
export function networkCriterion(networks: readonly string[]): RequestCriterion {
  const set = createNetworkSet(networks);
  return {
    key: 'networks',
    wants: `networks ${networks.join(', ')}`,
    fits: (question) => set.has(question.clientAddress),
    sees: (question) => `client address ${question.clientAddress}`,
  };
}
