import { verbatimOrBad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C61',
  slug: 'double-enc',
  behaviour: 'never decodes twice',
  cases: [
    '/public/%252e%252e%252fadmin',
    '/public/%25%32%65%25%32%65/admin',
    '/public/%252e%252e/admin/x',
    '/public/%25252e%25252e/admin',
    '/public/..%252fadmin',
    '/public/%255c..%255cadmin',
    '/public/%2500',
  ].map((target) => ({ name: target, target, expect: verbatimOrBad })),
};
