import { badOrDenied, type Attack } from '../../../support/attack.ts';

const targets = [
  '/private%20/x',
  '/private%09/x',
  '/private%0a/x',
  '/private%0d%0aX:1',
  '/private./x',
  '/private%2e/x',
  '/%20private/x',
  '/private%a0/x',
  '/private%c2%a0/x',
  '/private%e2%80%8b/x',
  '/private%00/x',
  '/private%20',
  '/private.',
  '/private..',
];

export const attack: Attack = {
  id: 'C71',
  slug: 'ws-chars',
  behaviour: 'is not led around a route by white space and dots',
  cases: targets.map((target) => ({ name: target, target, expect: badOrDenied })),
};
