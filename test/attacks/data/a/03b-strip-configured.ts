import { passes, type Attack } from '../../../support/attack.ts';

const gateway = {
  server: { publicUrl: 'https://app.test' },
  identity: { headers: ['auth-request', 'forwarded'] },
  routes: [
    { host: 'app.test', path: '/sets', upstream: '{UP}' },
    {
      host: 'app.test',
      path: '/own',
      upstream: '{UP}',
      identity: { headers: { 'X-Who': '{user}', 'Webauth-Groups': '{groups}' } },
    },
    { host: 'app.test', path: '/off', upstream: '{UP}', identity: { headers: 'off' } },
    { host: 'app.test', path: '/public', upstream: '{UP}', access: 'public' },
  ],
};

const names = ['X-Who', 'Webauth-Groups', 'Remote-User', 'X-Forwarded-User', 'X-Auth-Request-User'];
const hostile = names.flatMap((name) => [
  `${name}: evil`,
  `${name.replaceAll('-', '_')}: evil`,
  `${name.replaceAll('-', '.').toUpperCase()}: evil`,
]);
const none = Object.fromEntries(names.map((name) => [name.toLowerCase(), []]));
const sets = { 'x-forwarded-user': 'alice', 'x-auth-request-user': 'alice', 'x-auth-request-groups': 'users' };

export const attack: Attack = {
  id: 'A3',
  slug: 'strip-auth',
  behaviour: 'strips every name of every route and set on every route',
  gateway,
  cases: [
    {
      name: 'two sets',
      as: 'alice',
      target: '/sets/x',
      headers: hostile,
      identity: sets,
      expect: passes({ headers: { ...none, ...sets } }),
    },
    {
      name: 'names of its own',
      as: 'alice',
      target: '/own/x',
      headers: hostile,
      identity: {},
      expect: passes({ headers: { ...none, 'x-who': 'alice', 'webauth-groups': 'users' } }),
    },
    {
      name: 'no names',
      as: 'alice',
      target: '/off/x',
      headers: hostile,
      identity: {},
      expect: passes({ headers: none }),
    },
    { name: 'public', target: '/public/x', headers: hostile, expect: passes({ headers: none }) },
  ],
};
