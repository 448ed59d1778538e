import { passes, type Attack } from '../../../support/attack.ts';

const hidden = 'GET /SMUGGLED HTTP/1.1\r\nHost: app.test\r\nRemote-User: evil\r\nContent-Length: 0\r\n\r\n';
const chunked = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;

export const attack: Attack = {
  id: 'B23',
  slug: 'smuggle-delete',
  behaviour: 'frames the body of DELETE and OPTIONS instead of letting it become a request',
  cases: ['DELETE', 'OPTIONS', 'GET', 'HEAD', 'PROPFIND', 'POST', 'LOCK', 'REPORT'].flatMap((method) => [
    {
      name: `${method}, chunked`,
      as: 'alice' as const,
      method,
      target: '/private/x',
      headers: ['Transfer-Encoding: chunked'],
      body: chunked,
      evilMayPass: true,
      expect: passes({ method, target: '/private/x', body: hidden }),
    },
    {
      name: `${method}, with a length`,
      as: 'alice' as const,
      method,
      target: '/private/x',
      body: hidden,
      evilMayPass: true,
      expect: passes({
        method,
        target: '/private/x',
        body: hidden,
        headers: { 'content-length': String(hidden.length) },
      }),
    },
  ]),
};
