import { passes, type Attack } from '../../../support/attack.ts';

const foreign = [
  'https://evil.test',
  'null',
  'https://sib.test',
  'http://app.test',
  'https://app.test:8443',
  'https://app.test.evil.test',
  'https://app.test@evil.test',
  'https://evil.test/https://app.test',
  'https://other.test',
  'https://xapp.test',
  'https://app.test/',
  'https://app.test, https://evil.test',
  'https://app.test evil',
  'app.test',
  '//app.test',
  'file://',
  'https://friend.test.evil.test',
  'http://friend.test',
  '',
];

export const attack: Attack = {
  id: 'M252',
  slug: 'ws-origin',
  behaviour: 'opens sockets for pages of the same origin and of the listed ones only',
  doors: ['upgrade'],
  cases: [
    ...foreign.map((origin) => ({
      name: JSON.stringify(origin),
      as: 'alice' as const,
      target: '/ws',
      headers: [`Origin: ${origin}`],
      expect: { status: [400, 403], closed: true, upstream: 'nothing' as const },
    })),
    {
      name: 'two Origin lines',
      as: 'alice',
      target: '/ws',
      headers: ['Origin: https://app.test', 'Origin: https://evil.test'],
      expect: { status: [400, 403], closed: true, upstream: 'nothing' },
    },
    {
      name: 'two Origin lines the other way',
      as: 'alice',
      target: '/ws',
      headers: ['Origin: https://evil.test', 'Origin: https://app.test'],
      expect: { status: [400, 403], closed: true, upstream: 'nothing' },
    },
    ...['https://app.test', 'https://friend.test'].map((origin) => ({
      name: origin,
      as: 'alice' as const,
      target: '/ws',
      headers: [`Origin: ${origin}`],
      expect: passes({ headers: { origin } }),
    })),
    { name: 'no Origin: not a browser', as: 'alice', target: '/ws', expect: passes({ headers: { origin: [] } }) },
    {
      name: 'a listed origin of another route',
      as: 'alice',
      target: '/private/ws',
      headers: ['Origin: https://friend.test'],
      expect: { status: [400, 403], closed: true, upstream: 'nothing' },
    },
  ],
};
