import { denied, passes, type Attack } from '../../../support/attack.ts';

const overrides = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'];

export const attack: Attack = {
  id: 'A21',
  slug: 'method-override',
  behaviour: 'lets no header change the method that was judged',
  gateway: 'methods',
  cases: [
    ...overrides.flatMap((name) => [
      {
        name: `${name} behind an allowed GET`,
        target: '/read/x',
        headers: [`${name}: EVIL`],
        expect: passes({ headers: { [name.toLowerCase()]: [] } }),
      },
      {
        name: `${name} with underscores`,
        target: '/read/x',
        headers: [`${name.replaceAll('-', '_')}: EVIL`],
        expect: passes(),
      },
    ]),
    {
      name: 'a POST that says it is a GET',
      method: 'POST',
      target: '/read/x',
      headers: overrides.map((name) => `${name}: GET`),
      expect: denied,
    },
  ],
};
