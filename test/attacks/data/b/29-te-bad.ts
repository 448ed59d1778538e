import { bad, type Attack } from '../../../support/attack.ts';

const codings = [
  ['chunked, identity'],
  ['identity'],
  ['chunked, chunked'],
  [',chunked'],
  ['chunked,'],
  ['"chunked"'],
  ['xchunked'],
  ['chunkedx'],
  ['chunked;q=1'],
  ['gzip, chunked'],
  ['gzip'],
  ['chunked', 'chunked'],
  ['chunked', 'identity'],
  ['identity', 'chunked'],
  [''],
  ['\x0bchunked'],
  ['chun\x00ked'],
];

export const attack: Attack = {
  id: 'B29',
  slug: 'te-bad',
  behaviour: 'refuses every Transfer-Encoding but one plain chunked',
  cases: codings.flatMap((values) =>
    ['POST', 'GET'].map((method) => ({
      name: `${method} ${JSON.stringify(values)}`,
      method,
      target: '/public/x',
      headers: values.map((value) => `Transfer-Encoding: ${value}`),
      body: '5\r\nhello\r\n0\r\n\r\n',
      expect: bad(400, 501),
    })),
  ),
};
