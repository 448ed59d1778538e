import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';
import { everyIdentityHeader } from '../names.ts';

const foreign = everyIdentityHeader.filter((name) => !name.startsWith('Remote-'));
const none = Object.fromEntries(foreign.map((name) => [name.toLowerCase(), []]));
const hostile = everyIdentityHeader.map((name) => `${name}: evil`);

export const attack: Attack = {
  id: 'A3',
  slug: 'strip-auth',
  behaviour: "sends one line of each identity header, with the session's values",
  cases: [
    {
      name: 'each once',
      as: 'alice',
      target: '/private/x',
      headers: hostile,
      expect: passes({ headers: { ...remoteHeadersOf('alice'), ...none } }),
    },
    {
      name: 'each three times, before and after the cookie',
      as: 'alice',
      target: '/private/x',
      headers: [...hostile, 'Cookie: {session}', ...hostile, ...hostile],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), ...none } }),
    },
    {
      name: 'empty values',
      as: 'alice',
      target: '/private/x',
      headers: everyIdentityHeader.map((name) => `${name}:`),
      expect: passes({ headers: { ...remoteHeadersOf('alice'), ...none } }),
    },
    {
      name: 'an admin at the admin route',
      as: 'bob',
      target: '/admin/x',
      headers: hostile,
      expect: passes({ headers: { ...remoteHeadersOf('bob'), ...none } }),
    },
  ],
};
