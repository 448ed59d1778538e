import { forbidden, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C78',
  slug: 'group-exact',
  behaviour: 'compares group names exactly',
  cases: [
    ...(['alice', 'carol', 'erin', 'frank', 'grace', 'heidi'] as const).map((as) => ({
      name: as,
      as,
      target: '/admin/x',
      expect: forbidden,
    })),
    { name: 'bob', as: 'bob', target: '/admin/x', expect: passes() },
  ],
};
