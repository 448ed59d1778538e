import { badOrDenied, type Attack } from '../../../support/attack.ts';

const targets = [
  '/private;a=b/x',
  '/;/private/x',
  '/public;/../private/x',
  '/private;',
  '/private;/',
  '/private/;/x',
  '/;a=b;c=d/private',
  '/private%3b/x',
  '/public/;/../private',
  '/;/admin/x',
  '/admin;x',
];

export const attack: Attack = {
  id: 'C70',
  slug: 'matrix',
  behaviour: 'is not led around a route by path parameters',
  cases: targets.map((target) => ({ name: target, target, expect: badOrDenied })),
};
