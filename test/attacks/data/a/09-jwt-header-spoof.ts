import { passes, type Attack } from '../../../support/attack.ts';

const forged = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImlzcyI6Imh0dHBzOi8vYXBwLnRlc3QifQ.ZXZpbA';

export const attack: Attack = {
  id: 'A9',
  slug: 'jwt-header-spoof',
  behaviour: 'never passes an assertion that a visitor wrote',
  cases: [
    'Sallyport-Jwt-Assertion',
    'sallyport-jwt-assertion',
    'Sallyport_Jwt_Assertion',
    'Sallyport.Jwt-Assertion',
  ].flatMap((name) => [
    {
      name: `${name} without a session`,
      target: '/public/x',
      headers: [`${name}: ${forged}`],
      expect: passes({ headers: { [name.toLowerCase()]: [] } }),
    },
    {
      name: `${name} with a session`,
      as: 'alice' as const,
      target: '/private/x',
      headers: [`${name}: ${forged}`],
      expect: passes({ headers: { [name.toLowerCase()]: [] } }),
    },
  ]),
};
