import { bad, denied, verbatimOrBad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C62',
  slug: 'bad-utf8',
  behaviour: 'refuses overlong and broken escapes, and judges other bytes as they are',
  cases: [
    ...[
      '/public/%c0%ae%c0%ae/admin',
      '/public/%C0%AE%C0%AE/admin',
      '/public/%c0%af..%c0%afadmin',
      '/public/%c1%9cadmin',
      '/public/%e0%80%ae%e0%80%ae/admin',
      '/public/%e0%80%af',
      '/public/%f0%80%80%ae/admin',
      '/public/%zz',
      '/public/%',
      '/public/%2',
      '/public/%2/x',
      '/public/%2gx',
      '/public/%u002e%u002e/admin',
      '/%zz',
      '/%',
    ].map((target) => ({ name: target, target, expect: bad() })),
    { name: '%', target: '%', expect: bad() },
    { name: '%2', target: '%2', expect: bad() },
    { name: 'a lone byte, private', target: '/private/%ff', expect: denied },
    { name: 'a lone byte, signed in', as: 'alice', target: '/private/%ff', expect: verbatimOrBad },
    { name: 'Latin-1, public', target: '/public/%e9', expect: verbatimOrBad },
    { name: 'raw Latin-1', target: '/public/\xe9', expect: verbatimOrBad },
    { name: 'raw UTF-8', target: '/public/\xc3\xa9', expect: verbatimOrBad },
    { name: 'raw overlong', target: '/public/\xc0\xae\xc0\xae/admin', expect: bad() },
  ],
};
