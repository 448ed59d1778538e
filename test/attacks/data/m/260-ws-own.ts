import { type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'M260',
  slug: 'ws-own',
  behaviour: 'upgrades none of its own addresses',
  gateway: 'anyHost',
  doors: ['upgrade'],
  cases: (['alice', undefined] as const).flatMap((as) =>
    [
      '/_auth/sign-in',
      '/_auth/sign-out',
      '/_auth/health',
      '/_auth/',
      '/_auth/verify/nginx',
      '/_auth/xyz',
      '/_auth',
      '/%5fauth/sign-in',
      '/_AUTH/sign-in',
    ].map((target) => ({
      name: `${target} as ${as ?? 'nobody'}`,
      ...(as && { as }),
      target,
      expect: { status: [400, 404, 426], closed: true, upstream: 'nothing' as const },
    })),
  ),
};
