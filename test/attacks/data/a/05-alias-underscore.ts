import { anonymous, passes, type Attack, type AttackCase } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

const aliases = [
  'Remote_User',
  'REMOTE_USER',
  'remote_user',
  'Remote_Groups',
  'Remote_Name',
  'Remote_Email',
  'X_Forwarded_User',
  'X_Forwarded-User',
  'X_Auth_Request_User',
  'x_auth_request_groups',
  'Sallyport_Jwt_Assertion',
  'SALLYPORT_JWT_ASSERTION',
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
  id: 'A5',
  slug: 'alias-underscore',
  behaviour: 'removes identity headers spelt with underscores',
  cases: [
    ...both(
      aliases.map((name) => `${name}: evil`),
      'all',
    ),
    ...aliases.flatMap((name) => both([`${name}: evil`], name)),
  ],
};
