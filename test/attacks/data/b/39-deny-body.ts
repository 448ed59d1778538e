import { denied, notFound, type Attack } from '../../../support/attack.ts';

const hidden = 'GET /admin/ HTTP/1.1\r\nHost: app.test\r\nCookie: {session:bob}\r\n\r\n';
const hiddenLength = hidden.length - '{session:bob}'.length + '__Host-sallyport='.length + 43;
const chunked = `${hiddenLength.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;

export const attack: Attack = {
  id: 'B39',
  slug: 'deny-body',
  behaviour: 'never reads the body of a refused request as the next request',
  cases: ['POST', 'GET', 'DELETE', 'PUT'].flatMap((method) => [
    { name: `${method} with a length`, method, target: '/private/x', body: hidden, expect: denied },
    {
      name: `${method} in chunks`,
      method,
      target: '/private/x',
      headers: ['Transfer-Encoding: chunked'],
      body: chunked,
      expect: denied,
    },
    { name: `${method} without a route`, method, target: '/nowhere', body: hidden, expect: notFound },
  ]),
};
