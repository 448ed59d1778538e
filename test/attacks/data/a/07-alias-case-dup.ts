import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

export const attack: Attack = {
  id: 'A7',
  slug: 'alias-case-dup',
  behaviour: 'replaces repeated identity headers in mixed case by one line',
  cases: [
    {
      name: 'three spellings of the user',
      as: 'alice',
      target: '/private/x',
      headers: ['rEmOtE-uSeR: evil-a', 'Remote-User: evil-b', 'REMOTE-USER: evil-c'],
      expect: passes({ headers: remoteHeadersOf('alice') }),
    },
    {
      name: 'around the cookie',
      as: 'alice',
      target: '/private/x',
      headers: ['REMOTE-GROUPS: evil', 'Cookie: {session}', 'remote-groups: evil', 'remote_groups: evil'],
      expect: passes({ headers: remoteHeadersOf('alice') }),
    },
  ],
};
