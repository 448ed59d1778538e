import { badOrDenied, bad, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C72',
  slug: 'strip-prefix',
  behaviour: 'lets no stripped path climb out of its route',
  gateway: 'stripped',
  cases: [
    { name: '/app1../admin', target: '/app1../admin', expect: badOrDenied },
    { name: '/app1.', target: '/app1.', expect: badOrDenied },
    { name: '/app1%2fadmin', target: '/app1%2fadmin', expect: badOrDenied },
    ...[
      '/app1%2f..%2fadmin',
      '/app1/..;/admin',
      '/app1//admin',
      '/app1///admin',
      '/app1/%2e%2e/admin',
      '/app1/../admin',
      '/app1/%2fadmin',
      '/app1//evil.test/',
    ].map((target) => ({ name: target, target, expect: bad() })),
    { name: 'the plain way', target: '/app1/x?q=1', expect: passes({ target: '/x?q=1' }) },
    { name: 'the prefix alone', target: '/app1', expect: passes({ target: '/' }) },
    { name: 'the prefix with a query', target: '/app1?q', expect: passes({ target: '/?q' }) },
    { name: 'the prefix written in escapes', target: '/%61pp1/%41', expect: passes({ target: '/%41' }) },
  ],
};
