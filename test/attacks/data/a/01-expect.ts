import { anonymous, passes, type Attack } from '../../../support/attack.ts';

const hostile = ['Expect: 100-continue', 'Remote-User: evil', 'Remote-Groups: evil'];
const known = { expect: [], cookie: [], 'remote-user': 'alice', 'remote-groups': 'users' };

export const attack: Attack = {
  id: 'A1',
  slug: 'expect',
  behaviour: 'strips identity headers although Expect: 100-continue is sent',
  cases: [
    { name: 'GET', as: 'alice', target: '/private/x', headers: hostile, expect: passes({ headers: known }) },
    {
      name: 'GET that asks with another spelling',
      as: 'alice',
      target: '/private/x',
      headers: ['eXpEcT: 100-Continue', 'rEmOtE-uSeR: evil'],
      expect: passes({ headers: known }),
    },
    {
      name: 'POST with a body',
      as: 'alice',
      method: 'POST',
      target: '/private/x',
      headers: hostile,
      body: 'hello',
      expect: passes({ headers: known, body: 'hello' }),
    },
    {
      name: 'POST with a chunked body',
      as: 'alice',
      method: 'POST',
      target: '/private/x',
      headers: [...hostile, 'Transfer-Encoding: chunked'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      expect: passes({ headers: known, body: 'hello' }),
    },
    {
      name: 'public route, nobody signed in',
      target: '/public/x',
      headers: hostile,
      expect: passes({ headers: { ...anonymous, expect: [] } }),
    },
    {
      name: 'public route, POST, nobody signed in',
      method: 'POST',
      target: '/public/x',
      headers: hostile,
      body: 'hello',
      expect: passes({ headers: { ...anonymous, expect: [] }, body: 'hello' }),
    },
    {
      name: 'public route with a session',
      as: 'alice',
      target: '/public/x',
      headers: hostile,
      expect: passes({ headers: { ...anonymous, expect: [] } }),
    },
  ],
};
