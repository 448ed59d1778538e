import { bad, badOrDenied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C69',
  slug: 'double-slash',
  behaviour: 'takes no leading double slash and judges inner ones merged as well',
  gateway: 'adminByRule',
  cases: [
    ...['//admin/x', '///private//x', '//evil.test/x', '//', '//public/x', '//app.test/public/x', '//@app.test/x'].map(
      (target) => ({
        name: target,
        as: 'alice' as const,
        target,
        expect: bad(),
      }),
    ),
    ...['/private//x', '/admin//x', '/admin///'].map((target) => ({ name: target, target, expect: badOrDenied })),
    { name: 'an inner one toward admin, as alice', as: 'alice', target: '/admin//x', expect: badOrDenied },
  ],
};
