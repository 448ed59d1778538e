import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';

const trailers = [
  'Remote-User: evil',
  'remote_groups: evil',
  'Cookie: evil=1',
  'X-Forwarded-For: evil',
  'Host: evil.test',
];
const body = `5\r\nhello\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`;

export const attack: Attack = {
  id: 'A17',
  slug: 'trailer-inject',
  behaviour: 'takes no identity from trailers, and passes none there',
  cases: [
    {
      name: 'signed in',
      as: 'alice',
      method: 'POST',
      target: '/private/x',
      headers: ['Transfer-Encoding: chunked'],
      body,
      expect: passes({ headers: remoteHeadersOf('alice'), body: 'hello' }),
    },
    {
      name: 'announced by Trailer, public',
      method: 'POST',
      target: '/public/x',
      headers: ['Transfer-Encoding: chunked', 'Trailer: Remote-User, Cookie', 'TE: trailers'],
      body,
      expect: passes({ headers: { 'remote-user': [], trailer: [] }, body: 'hello' }),
    },
  ],
};
