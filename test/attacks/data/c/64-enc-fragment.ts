import { denied, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C64',
  slug: 'enc-fragment',
  behaviour: 'opens nothing to a path that ends earlier for a server which decodes # or ?',
  gateway: 'statusBypass',
  cases: [
    { name: 'the rule itself', target: '/api/x/status', expect: passes() },
    ...[
      '/api/private%23/status',
      '/api/x%3f/status',
      '/api/x%3F/status',
      '/api/private%23x/status',
      '/api%23/x/status',
      '/api/private%2523/status',
    ].map((target) => ({ name: target, target, expect: denied })),
    { name: 'signed in it is an ordinary path', as: 'alice', target: '/api/x%23/status', expect: passes() },
  ],
};
