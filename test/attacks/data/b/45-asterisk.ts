import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B45',
  slug: 'asterisk',
  behaviour: 'never forwards an asterisk as a target',
  gateway: 'anyHost',
  doors: ['http'],
  cases: [
    {
      name: 'OPTIONS *',
      method: 'OPTIONS',
      target: '*',
      expect: { status: [200, 204, 400, 401, 404], upstream: 'nothing' },
    },
    {
      name: 'OPTIONS * signed in',
      as: 'alice',
      method: 'OPTIONS',
      target: '*',
      expect: { status: [200, 204, 400, 404], upstream: 'nothing' },
    },
    { name: 'GET *', as: 'alice', target: '*', expect: bad() },
    { name: 'POST *', as: 'alice', method: 'POST', target: '*', body: 'x', expect: bad() },
    { name: 'OPTIONS **', as: 'alice', method: 'OPTIONS', target: '**', expect: bad() },
    { name: 'GET *?x', as: 'alice', target: '*?x', expect: bad() },
  ],
};
