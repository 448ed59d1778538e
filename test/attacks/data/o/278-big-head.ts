import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'O278',
  slug: 'big-head',
  behaviour: 'answers heads that are too big in bounded memory',
  cases: [
    { name: 'a header of 17 KB', target: '/public/x', headers: [`X-Big: ${'x'.repeat(17_000)}`], expect: bad(431) },
    { name: 'a header name of 17 KB', target: '/public/x', headers: [`${'x'.repeat(17_000)}: 1`], expect: bad(431) },
    {
      name: 'a cookie of 100 KB',
      target: '/private/x',
      headers: [`Cookie: a=${'x'.repeat(100_000)}`],
      expect: bad(431),
    },
    {
      name: 'many of 100 bytes',
      target: '/public/x',
      headers: Array.from({ length: 190 }, (_, index) => `X-${String(index)}: ${'x'.repeat(100)}`),
      expect: bad(431),
    },
    {
      name: 'a path of 9 KB',
      target: `/public/${'x'.repeat(9_000)}`,
      expect: { status: [200, 414, 431], upstream: 'anything' },
    },
    {
      name: 'a query of 9 KB',
      target: `/public/?${'x'.repeat(9_000)}`,
      expect: { status: [200, 414, 431], upstream: 'anything' },
    },
    { name: 'a path of 30 KB', target: `/public/${'x'.repeat(30_000)}`, expect: bad(414, 431) },
    { name: 'a method of 1 KB', method: 'G'.repeat(1_000), target: '/public/x', expect: bad() },
    {
      name: 'a megabyte in one line',
      raw: `GET /${'x'.repeat(1_000_000)}`,
      expect: { ...bad(400, 414, 431), orSilent: true },
    },
    { name: 'a megabyte without a line', raw: 'x'.repeat(1_000_000), expect: { ...bad(400, 431), orSilent: true } },
  ],
};
