import { bad, type Attack } from '../../../support/attack.ts';

const pairs = [
  ['Content-Length: 5', 'Transfer-Encoding: chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 5'],
  ['content-LENGTH: 5', 'transfer-ENCODING: Chunked'],
  ['Transfer-Encoding: chunked', 'Content-Length: 0'],
  ['Content-Length: 5', 'X-Between: 1', 'Transfer-Encoding: chunked'],
  ['Content-Length: 5', 'Transfer-Encoding: identity'],
];

export const attack: Attack = {
  id: 'B26',
  slug: 'cl-te',
  behaviour: 'refuses Content-Length together with Transfer-Encoding',
  cases: pairs.flatMap((headers) =>
    ['POST', 'GET', 'DELETE'].map((method) => ({
      name: `${method} ${headers.join(' / ')}`,
      method,
      target: '/public/x',
      headers,
      body: '0\r\n\r\n',
      expect: bad(400, 501),
    })),
  ),
};
