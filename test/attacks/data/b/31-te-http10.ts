import { bad, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B31',
  slug: 'te-http10',
  behaviour: 'refuses chunked framing on HTTP/1.0',
  cases: [
    ...['POST', 'GET', 'DELETE'].map((method) => ({
      name: method,
      method,
      target: '/public/x',
      version: 'HTTP/1.0',
      headers: ['Transfer-Encoding: chunked'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      expect: bad(),
    })),
    {
      name: 'a length is fine',
      method: 'POST',
      target: '/public/x',
      version: 'HTTP/1.0',
      body: 'hello',
      expect: { ...passes({ body: 'hello' }), closed: true },
    },
  ],
};
