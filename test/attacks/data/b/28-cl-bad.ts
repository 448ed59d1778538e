import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B28',
  slug: 'cl-bad',
  behaviour: 'refuses a Content-Length that is not plain digits',
  cases: [
    '+5',
    '-1',
    '0x5',
    '5 5',
    '5\t5',
    '',
    '1e1',
    '5_0',
    '18446744073709551616',
    '99999999999999999999999',
    '\xa05',
    '5\xa0',
    '5;',
    '"5"',
    '٥',
  ].map((length) => ({
    name: JSON.stringify(length),
    method: 'POST',
    target: '/public/x',
    headers: [
      `Content-Length: ${Buffer.from(length).length === length.length ? length : Buffer.from(length).toString('latin1')}`,
    ],
    body: 'hello',
    expect: bad(400, 413),
  })),
};
