import { denied, type Attack } from '../../../support/attack.ts';

const gateway = {
  server: { publicUrl: 'https://app.test', trustedProxies: ['127.0.0.1/32'] },
  routes: [
    {
      host: 'app.test',
      upstream: '{UP}',
      access: [{ allow: 'anyone', when: { networks: ['10.0.0.0/8', 'fd00::/8'] } }],
    },
  ],
};

const garbage = [
  'a',
  '1.2.3',
  '::1%eth0',
  ',,,',
  '',
  'unknown',
  '_hidden',
  '10.0.0.1.evil',
  '010.0.0.1',
  '0x0a000001',
  '167772161',
  '10.1',
  '10.0.0.256',
  '10.0.0.1/8',
  '10.0.0.1:99999',
  '[::ffff:10.0.0.1',
  '10.0.0.1, evil',
  '10.0.0.1,',
  '10.0.0.1;x',
  '"10.0.0.1"',
  '\xff\xfe',
  'fd00::1%evil',
  `${'1.2.3.4, '.repeat(999)}a`,
  'x'.repeat(5_000),
];

export const attack: Attack = {
  id: 'D90',
  slug: 'xff-garbage',
  behaviour: 'falls back to the peer when a chain is not made of addresses',
  gateway,
  cases: garbage.map((value) => ({
    name: value.slice(0, 24),
    target: '/x',
    headers: [`X-Forwarded-For: ${value}`],
    expect: { ...denied, status: [400, 401, 403, 431] },
  })),
};
