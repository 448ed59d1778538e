import { badOrDenied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C70',
  slug: 'matrix',
  behaviour: 'is not led around a rule by path parameters',
  gateway: 'denyAdmin',
  cases: [
    '/;/admin/x',
    '/admin;a=b/x',
    '/;a/admin',
    '/admin;',
    '/;;/admin',
    '/;/;/admin;x;y/z',
    '/;//admin',
    '/;%2fx/admin',
  ].map((target) => ({
    name: target,
    target,
    expect: badOrDenied,
  })),
};
