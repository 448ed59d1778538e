import { denied, passes, type Attack } from '../../../support/attack.ts';

const gateway = {
  server: { publicUrl: 'https://app.test', trustedProxies: ['127.0.0.1/32', '192.0.2.0/24'] },
  routes: [
    {
      host: 'app.test',
      upstream: '{UP}',
      access: [{ allow: 'anyone', when: { networks: ['9.9.9.9/32', '2001:db8::/32', '10.0.0.0/8'] } }],
    },
  ],
};

export const attack: Attack = {
  id: 'D89',
  slug: 'xff-chain',
  behaviour: 'takes the right-most address that is no trusted proxy, and continues the chain',
  gateway,
  cases: [
    {
      name: 'a client that lies before a proxy that does not',
      target: '/x',
      headers: ['X-Forwarded-For: 6.6.6.6, 9.9.9.9'],
      expect: passes({ headers: { 'x-forwarded-for': /* continued */ '6.6.6.6, 9.9.9.9, 127.0.0.1' } }),
    },
    { name: 'the lie last', target: '/x', headers: ['X-Forwarded-For: 9.9.9.9, 6.6.6.6'], expect: denied },
    {
      name: 'two trusted proxies',
      target: '/x',
      headers: ['X-Forwarded-For: 6.6.6.6, 9.9.9.9, 192.0.2.7'],
      expect: passes(),
    },
    {
      name: 'two lines',
      target: '/x',
      headers: ['X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 6.6.6.6'],
      expect: denied,
    },
    { name: 'IPv4 in IPv6', target: '/x', headers: ['X-Forwarded-For: ::ffff:9.9.9.9'], expect: passes() },
    { name: 'IPv6', target: '/x', headers: ['X-Forwarded-For: 2001:db8::7'], expect: passes() },
    { name: 'only trusted ones', target: '/x', headers: ['X-Forwarded-For: 192.0.2.7'], expect: denied },
    { name: 'Forwarded is not read', target: '/x', headers: ['Forwarded: for=9.9.9.9'], expect: denied },
    { name: 'X-Real-IP is not read', target: '/x', headers: ['X-Real-IP: 9.9.9.9'], expect: denied },
  ],
};
