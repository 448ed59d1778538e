import { hasCode } from '../errors.ts';

/** What the log calls it when somebody whom we must ask can't be reached: 503, and all recovers by itself. */
export const unavailableEvents = {
  'store-unavailable': 'store.unavailable',
  'issuer-unavailable': 'bearer.unavailable',
  'directory-unavailable': 'sign-in.unavailable',
  'sign-in-busy': 'sign-in.busy',
} as const;

export type UnavailableReason = keyof typeof unavailableEvents;

const reasons = ['store-unavailable', 'issuer-unavailable', 'directory-unavailable', 'sign-in-busy'] as const;

/** Who could not be reached; null for any other surprise. */
export function unavailableReason(error: unknown): UnavailableReason | null {
  // One that can't be asked as it is set up is as good as away.
  if (hasCode(error, 'directory-refused')) return 'directory-unavailable';
  return reasons.find((reason) => hasCode(error, reason)) ?? null;
}
