import { badOrDenied, passes, type Attack } from '../../../support/attack.ts';

const outside = [
  '/publicity',
  '/public.bak',
  '/public-x',
  '/public%2fx',
  '/public%20',
  '/public%20/x',
  '/publi',
  '/public_',
  '/public~',
  '/public$',
  '/public%',
  '/PUBLIC/x',
  '/x/public',
];

export const attack: Attack = {
  id: 'C66',
  slug: 'prefix-boundary',
  behaviour: 'ends a path prefix at a segment',
  cases: [
    ...outside.map((target) => ({ name: target, target, expect: badOrDenied })),
    ...['/public', '/public/', '/public/x', '/public?x', '/%70ublic/x'].map((target) => ({
      name: target,
      target,
      expect: passes(),
    })),
  ],
};
