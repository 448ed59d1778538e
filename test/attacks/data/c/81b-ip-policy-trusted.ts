import { denied, passes, type Attack } from '../../../support/attack.ts';

const gateway = {
  server: { publicUrl: 'https://app.test', trustedProxies: ['127.0.0.1/32'] },
  routes: [{ host: 'app.test', upstream: '{UP}', access: [{ allow: 'anyone', when: { networks: ['10.0.0.0/8'] } }] }],
};

export const attack: Attack = {
  id: 'C81',
  slug: 'ip-policy',
  behaviour: 'matches IPv4 written in IPv6, and no garbage',
  gateway,
  cases: [
    ...['10.0.0.1', '::ffff:10.0.0.1', '::FFFF:10.255.0.1', '::ffff:a00:1'].map((value) => ({
      name: value,
      target: '/x',
      headers: [`X-Forwarded-For: ${value}`],
      expect: passes(),
    })),
    ...[
      '11.0.0.1',
      '::10.0.0.1',
      '10.0.0',
      '010.0.0.1',
      '::ffff:11.0.0.1',
      '64:ff9b::10.0.0.1',
      'garbage',
      '10.0.0.1x',
    ].map((value) => ({
      name: value,
      target: '/x',
      headers: [`X-Forwarded-For: ${value}`],
      expect: denied,
    })),
  ],
};
