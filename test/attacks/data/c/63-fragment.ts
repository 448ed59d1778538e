import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C63',
  slug: 'fragment',
  behaviour: 'refuses a fragment in the target',
  cases: ['/private/x#/public/', '/public/x#/../private', '/public/#', '/public/x?a#b', '#/public/x', '/public#'].map(
    (target) => ({
      name: target,
      target,
      expect: bad(),
    }),
  ),
};
