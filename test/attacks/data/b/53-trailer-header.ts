import { passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B53',
  slug: 'trailer-header',
  behaviour: 'answers a request with a Trailer header',
  cases: [
    { name: 'GET', target: '/public/x', headers: ['Trailer: x'], expect: passes({ headers: { trailer: [] } }) },
    {
      name: 'GET signed in',
      as: 'alice',
      target: '/private/x',
      headers: ['Trailer: x', 'Trailer: y'],
      expect: passes(),
    },
    { name: 'HEAD', method: 'HEAD', target: '/public/x', headers: ['Trailer: Content-Length'], expect: passes() },
    {
      name: 'POST with a length',
      method: 'POST',
      target: '/public/x',
      headers: ['Trailer: x'],
      body: 'hello',
      expect: passes({ body: 'hello' }),
    },
  ],
};
