import { type Attack } from '../../../support/attack.ts';

const refused = { status: 401, closed: true, upstream: 'nothing', answer: { 'cache-control': /no-store/ } } as const;

export const attack: Attack = {
  id: 'M250',
  slug: 'ws-anon',
  behaviour: 'refuses an upgrade without a session and closes the socket',
  doors: ['upgrade'],
  cases: [
    { name: 'no cookie', target: '/ws', expect: refused },
    { name: 'below it', target: '/ws/deep?x=1', expect: refused },
    { name: 'empty cookie', target: '/ws', headers: ['Cookie: {cookie}='], expect: refused },
    {
      name: 'a cookie we did not make',
      target: '/ws',
      headers: [`Cookie: {cookie}=${'A'.repeat(43)}`],
      expect: refused,
    },
    {
      name: 'token in the query',
      target: '/ws?token=x',
      headers: ['Sec-WebSocket-Protocol: bearer, x'],
      expect: refused,
    },
    {
      name: 'as a browser page would',
      target: '/ws',
      headers: ['Origin: https://app.test', 'Accept: text/html'],
      expect: refused,
    },
  ],
};
