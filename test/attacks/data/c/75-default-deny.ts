import { notFound, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C75',
  slug: 'default-deny',
  behaviour: 'serves nothing that no route names',
  cases: (['alice', 'bob', undefined] as const).flatMap((as) => [
    ...['/', '/nowhere', '/priv', '/favicon.ico', '/.well-known/x', '/robots.txt'].map((target) => ({
      name: `${target} as ${as ?? 'nobody'}`,
      ...(as && { as }),
      target,
      expect: notFound,
    })),
    {
      name: `another host as ${as ?? 'nobody'}`,
      ...(as && { as }),
      target: '/public/x',
      host: 'third.test',
      expect: { status: [404, 421], upstream: 'nothing' as const },
    },
  ]),
};
