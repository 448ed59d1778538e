import { anonymous, passes, type Attack, type AttackCase } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

const aliases = [
  'Remote.User',
  'X.Forwarded.User',
  'X.Forwarded-User',
  'Remote-_User',
  'Remote_.User',
  'Remote--User',
  'Remote__User',
  'Remote..Groups',
  'X-.Auth_Request-User',
  'Sallyport.Jwt.Assertion',
  'sallyport._-Anything',
];

const both = (headers: readonly string[], name: string): AttackCase[] => [
  { name: `${name}, public`, target: '/public/x', headers, expect: passes({ headers: anonymous }) },
  {
    name: `${name}, signed in`,
    as: 'alice',
    target: '/private/x',
    headers,
    expect: passes({ headers: remoteHeadersOf('alice') }),
  },
];

export const attack: Attack = {
  id: 'A6',
  slug: 'alias-dot',
  behaviour: 'removes identity headers that CGI and PHP would fold to ours',
  cases: [
    ...both(
      aliases.map((name) => `${name}: evil`),
      'all',
    ),
    ...aliases.flatMap((name) => both([`${name}: evil`], name)),
  ],
};
