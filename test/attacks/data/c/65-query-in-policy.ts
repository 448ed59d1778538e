import { denied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C65',
  slug: 'query-in-policy',
  behaviour: 'shows no rule the query',
  gateway: 'statusBypass',
  cases: [
    '/private/x?a=/public/',
    '/api/private/secret?path=/x/status',
    '/api/x?/status',
    '/api/x?x=/api/x/status',
    '/x?/api/x/status',
    '/?/../api/x/status',
  ].map((target) => ({ name: target, target, expect: denied })),
};
