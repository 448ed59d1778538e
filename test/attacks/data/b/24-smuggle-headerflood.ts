import { bad, type Attack } from '../../../support/attack.ts';

const hidden = 'GET /SMUGGLED HTTP/1.1\r\nHost: app.test\r\nRemote-User: evil\r\n\r\n';
const filler = Array.from({ length: 1_000 }, () => 'a:');

export const attack: Attack = {
  id: 'B24',
  slug: 'smuggle-headerflood',
  behaviour: 'answers 431 when so many headers come that framing could get lost among them',
  cases: ['GET', 'HEAD', 'DELETE', 'POST'].flatMap((method) => [
    {
      name: `${method}, Content-Length last`,
      as: 'alice' as const,
      method,
      target: '/private/x',
      headers: ['Cookie: {session}', ...filler, `Content-Length: ${String(hidden.length)}`],
      body: hidden,
      expect: bad(431),
    },
    {
      name: `${method}, Transfer-Encoding last`,
      as: 'alice' as const,
      method,
      target: '/private/x',
      headers: ['Cookie: {session}', ...filler, 'Transfer-Encoding: chunked'],
      body: `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
      expect: bad(431),
    },
  ]),
};
