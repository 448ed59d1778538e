import { bad, type Attack } from '../../../support/attack.ts';

const filler = Array.from({ length: 1_000 }, () => 'a:');

export const attack: Attack = {
  id: 'B25',
  slug: 'flood-drop-security',
  behaviour: 'never handles a flooded request as if its last headers were absent',
  cases: [
    ...['Cookie: {session}', 'Origin: https://evil.test', 'Content-Type: text/plain', 'Remote-User: evil'].map(
      (last) => ({
        name: `${last} last`,
        as: 'alice' as const,
        target: '/private/x',
        headers: [...filler, last, 'X-Tail: {cookie}'],
        expect: bad(431),
      }),
    ),
    {
      name: 'Host last',
      target: '/public/x',
      host: null,
      headers: [...filler, 'Host: app.test'],
      expect: bad(431),
    },
    { name: 'at our own pages', target: '/_auth/sign-in', headers: filler, expect: bad(431) },
  ],
};
