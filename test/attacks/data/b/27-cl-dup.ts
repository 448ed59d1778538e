import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B27',
  slug: 'cl-dup',
  behaviour: 'refuses more than one Content-Length',
  cases: [
    ['Content-Length: 5', 'Content-Length: 5'],
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Content-Length: 6', 'content-length: 5'],
    ['Content-Length: 5, 5'],
    ['Content-Length: 5,'],
    ['Content-Length: 0', 'Content-Length: 5'],
  ].map((headers) => ({
    name: headers.join(' / '),
    method: 'POST',
    target: '/public/x',
    headers,
    body: 'hello',
    expect: bad(),
  })),
};
