import { passes, type Attack } from '../../../support/attack.ts';
import { remoteHeadersOf } from '../../../support/users.ts';
import { everyForwardingHeader, everyIdentityHeader } from '../names.ts';

const hostile = [...everyIdentityHeader, ...everyForwardingHeader].flatMap((name) => [
  `${name}: evil`,
  `${name.replaceAll('-', '_')}: evil`,
  `${name.replaceAll('-', '.')}: evil`,
]);

export const attack: Attack = {
  id: 'M251',
  slug: 'ws-identity',
  behaviour: 'sanitises the head of an upgrade like any other',
  doors: ['upgrade'],
  cases: [
    {
      name: 'Remote-User',
      as: 'alice',
      target: '/ws',
      headers: ['Remote-User: evil', 'Cookie: a=1; {session}; b=2'],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), cookie: 'a=1; b=2' } }),
    },
    // In two halves, because the number of headers is limited.
    ...[hostile.filter((_, index) => index % 2 === 0), hostile.filter((_, index) => index % 2 === 1)].map(
      (headers) => ({
        name: 'everything at once',
        as: 'alice' as const,
        target: '/ws',
        headers,
        expect: passes({
          headers: {
            ...remoteHeadersOf('alice'),
            cookie: [],
            'x-forwarded-for': '127.0.0.1',
            'x-forwarded-host': 'app.test',
          },
        }),
      }),
    ),
    {
      name: 'hop-by-hop',
      as: 'alice',
      target: '/ws',
      headers: [
        'Connection: keep-alive, Remote-User, X-Hop',
        'X-Hop: evil',
        'TE: trailers',
        'Keep-Alive: 1',
        'Proxy-Authorization: evil',
      ],
      expect: passes({ headers: { ...remoteHeadersOf('alice'), te: [], 'keep-alive': [], 'proxy-authorization': [] } }),
    },
    {
      name: 'what the socket needs arrives',
      as: 'alice',
      target: '/ws?x=1',
      headers: [
        'Sec-WebSocket-Protocol: chat, v2',
        'Sec-WebSocket-Extensions: permessage-deflate',
        'Origin: https://app.test',
      ],
      expect: passes({
        target: '/ws?x=1',
        headers: {
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-version': '13',
          'sec-websocket-protocol': 'chat, v2',
          'sec-websocket-extensions': 'permessage-deflate',
          origin: 'https://app.test',
          upgrade: 'websocket',
        },
      }),
    },
  ],
};
