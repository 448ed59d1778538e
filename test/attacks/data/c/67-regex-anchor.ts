import { badOrDenied, denied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C67',
  slug: 'regex-anchor',
  behaviour: 'matches path patterns from the first to the last character',
  gateway: 'adminByRule',
  cases: [
    { name: '/private/public', target: '/private/public', expect: denied },
    { name: '/private/public/x', target: '/private/public/x', expect: denied },
    ...['/x/public/', '/xpublic', '/publicx', '/x/public', '/public.x/y'].map((target) => ({
      name: target,
      target,
      expect: badOrDenied,
    })),
  ],
};
