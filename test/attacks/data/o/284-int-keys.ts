import { passes, type Attack } from '../../../support/attack.ts';

const keys = Array.from({ length: 2_000 }, (_, index) => String(index * 1_048_576));
const cookie = Array.from({ length: 1_000 }, (_, index) => `${String(index * 1_048_576)}=`)
  .join('; ')
  .slice(0, 9_000);

export const attack: Attack = {
  id: 'O284',
  slug: 'int-keys',
  behaviour: 'is not slowed by keys that look like numbers',
  doors: ['http'],
  cases: [
    {
      name: 'form',
      method: 'POST',
      target: '/_auth/sign-in',
      headers: ['Content-Type: application/x-www-form-urlencoded', 'Origin: https://app.test'],
      body: keys
        .map((key) => `${key}=`)
        .join('&')
        .slice(0, 16_000),
      expect: { status: [400, 401, 403, 413, 422], upstream: 'nothing' },
    },
    { name: 'cookie', target: '/public/x', headers: [`Cookie: ${cookie}`], expect: passes({ headers: { cookie } }) },
    {
      name: 'query',
      target: `/public/x?${keys
        .map((key) => `${key}=`)
        .join('&')
        .slice(0, 7_000)}`,
      expect: passes(),
    },
    {
      name: 'header names',
      target: '/public/x',
      headers: keys.slice(0, 100).map((key) => `${key}: 1`),
      expect: passes(),
    },
  ],
};
