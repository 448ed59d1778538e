import { passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'A4',
  slug: 'strip-absent',
  behaviour: 'strips also where it has nothing to set',
  cases: [
    {
      name: 'e-mail of a user without one',
      as: 'carol',
      target: '/private/x',
      headers: ['Remote-Email: x@evil.test'],
      expect: passes({ headers: { 'remote-user': 'carol', 'remote-email': [] } }),
    },
    {
      name: 'groups of a user without any',
      as: 'heidi',
      target: '/private/x',
      headers: ['Remote-Groups: evil', 'Remote_Groups: evil'],
      expect: passes({ headers: { 'remote-user': 'heidi' } }),
    },
  ],
};
