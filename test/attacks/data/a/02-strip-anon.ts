import { anonymous, passes, type Attack } from '../../../support/attack.ts';
import { everyIdentityHeader } from '../names.ts';

const gone = Object.fromEntries(everyIdentityHeader.map((name) => [name.toLowerCase(), []]));

export const attack: Attack = {
  id: 'A2',
  slug: 'strip-anon',
  behaviour: 'removes every identity header of a visitor from a public request',
  cases: [
    {
      name: 'all of them at once',
      target: '/public/x',
      headers: everyIdentityHeader.map((name) => `${name}: evil`),
      expect: passes({ headers: { ...anonymous, ...gone } }),
    },
    ...everyIdentityHeader.map((name) => ({
      name,
      target: '/public/x',
      headers: [`${name}: evil`],
      expect: passes({ headers: anonymous }),
    })),
    {
      name: 'all of them, the public route used with a session',
      as: 'alice',
      target: '/public/x',
      headers: everyIdentityHeader.map((name) => `${name}: evil`),
      expect: passes({ headers: { ...anonymous, ...gone } }),
    },
  ],
};
