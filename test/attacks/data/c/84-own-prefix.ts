import { type Attack } from '../../../support/attack.ts';

const own = { status: [404, 405], upstream: 'nothing', answer: { 'cache-control': /no-store/ } } as const;
const near = { status: [400, 404, 405], upstream: 'nothing' } as const;

export const attack: Attack = {
  id: 'C84',
  slug: 'own-prefix',
  behaviour: 'forwards nothing that is or looks like its own path',
  gateway: 'anyHost',
  doors: ['http'],
  cases: (['alice', undefined] as const).flatMap((as) => [
    ...['/_auth/xyz', '/_auth/sign-in/x', '/_auth/SIGN-IN', '/_auth/login.php', '/_auth/verify', '/_auth/admin'].map(
      (target) => ({
        name: `${target} as ${as ?? 'nobody'}`,
        ...(as && { as }),
        target,
        expect: own,
      }),
    ),
    ...[
      '/_auth%2flogin',
      '/_auth%2fsign-in',
      '/_AUTH/login',
      '/_Auth/sign-in',
      '/_AUTH',
      '/%5FAUTH/sign-in',
      '/_auth;x/sign-in',
      '/_auth;/xyz',
      '/;/_auth/sign-in',
      '/_auth//sign-in',
      '/_auth%3b/x',
    ].map((target) => ({ name: `${target} as ${as ?? 'nobody'}`, ...(as && { as }), target, expect: near })),
    // `_` is unreserved: by the one reading of the path this is our page, and only ever ours.
    ...['/%5fauth/xyz', '/%5Fauth/login'].map((target) => ({
      name: `${target} as ${as ?? 'nobody'}`,
      ...(as && { as }),
      target,
      expect: near,
    })),
    ...['POST', 'PUT', 'DELETE', 'PROPFIND', 'OPTIONS'].map((method) => ({
      name: `${method} /_auth/xyz as ${as ?? 'nobody'}`,
      ...(as && { as }),
      method,
      target: '/_auth/xyz',
      expect: near,
    })),
  ]),
};
