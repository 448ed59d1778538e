import { passes, type Attack } from '../../../support/attack.ts';

const cookie = (line: string, left: string | readonly string[], name = line) => ({
  name,
  as: 'alice' as const,
  target: '/private/x',
  headers: [`Cookie: ${line}`],
  expect: passes({ headers: { cookie: left } }),
});

export const attack: Attack = {
  id: 'A18',
  slug: 'cookie-strip',
  behaviour: 'cuts its own cookie out and leaves the others byte for byte',
  cases: [
    cookie('a=1; {session}; b=2', 'a=1; b=2'),
    cookie('{session}', []),
    cookie('{session}; b=2', 'b=2'),
    cookie('a=1; {session}', 'a=1'),
    cookie('a="x y"; {session}; b=%20,;', 'a="x y"; b=%20,;', 'odd neighbours'),
    {
      name: 'on a public route',
      as: 'alice',
      target: '/public/x',
      headers: ['Cookie: a=1; {session}; b=2'],
      expect: passes({ headers: { cookie: 'a=1; b=2' } }),
    },
  ],
};
