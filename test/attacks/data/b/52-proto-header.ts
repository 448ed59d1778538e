import { denied, passes, type Attack } from '../../../support/attack.ts';

const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf', '__defineGetter__', 'prototype'];
const headers = names.map((name) => `${name}: x`);

export const attack: Attack = {
  id: 'B52',
  slug: 'proto-header',
  behaviour: 'is not moved by header names of the object prototype',
  cases: [
    { name: 'public', target: '/public/x', headers, expect: passes() },
    {
      name: 'signed in',
      as: 'alice',
      target: '/private/x',
      headers,
      expect: passes({ headers: { 'remote-user': 'alice' } }),
    },
    { name: 'not signed in', target: '/private/x', headers, expect: denied },
    { name: 'not an admin', as: 'alice', target: '/admin/x', headers, expect: { status: 403, upstream: 'nothing' } },
    {
      name: 'named by Connection',
      target: '/public/x',
      headers: [`Connection: ${names.join(', ')}`, ...headers],
      expect: passes(),
    },
    {
      name: 'at our own page',
      target: '/_auth/sign-in',
      headers,
      doors: ['http'],
      expect: { status: 200, upstream: 'nothing' },
    },
  ],
};
