/** What programs are told in `detail`, where one kind of answer has several reasons. */

/** By reason. */
export const deniedDetails = {
  denied: 'This is not open to you.',
  'token-limited': 'This access token is not for this app or this method.',
} as const;

/** By reason. */
export const unavailableProblems = {
  'store-unavailable': { reason: 'store-unavailable', detail: 'Sessions cannot be looked up now; try again.' },
  'issuer-unavailable': {
    reason: 'issuer-unavailable',
    detail: 'The keys of this token’s issuer cannot be fetched now; try again.',
  },
  'directory-unavailable': {
    reason: 'directory-unavailable',
    detail: 'The directory that knows this user cannot be asked now; try again.',
  },
  'sign-in-busy': { reason: 'sign-in-busy', detail: 'Too many passwords wait to be checked; try again.' },
} as const;
