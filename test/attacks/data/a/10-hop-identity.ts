import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

const list = 'Remote-User, Remote-Groups, Remote-Email, Sallyport-Jwt-Assertion, Cookie, Host';

export const attack: Attack = {
  id: 'A10',
  slug: 'hop-identity',
  behaviour: 'does not let Connection name identity headers away',
  cases: [
    {
      name: 'keep-alive and the names',
      as: 'alice',
      target: '/private/x',
      headers: [`Connection: keep-alive, ${list}`, 'Cookie: app=1; {session}'],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), host: 'app.test', cookie: 'app=1' } }),
    },
    {
      name: 'close and the names',
      as: 'alice',
      target: '/private/x',
      headers: [`Connection: close, ${list}`, 'Cookie: app=1; {session}'],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), host: 'app.test', cookie: 'app=1' } }),
    },
    {
      name: 'the names twice, with the headers themselves',
      as: 'alice',
      target: '/private/x',
      headers: [`Connection: ${list}`, 'Remote-User: evil', `Connection: ${list}`, 'Cookie: {session}'],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), host: 'app.test' } }),
    },
  ],
};
