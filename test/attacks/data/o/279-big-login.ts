import { type Attack } from '../../../support/attack.ts';

const refused = { status: [400, 403, 413, 415, 422], upstream: 'nothing' } as const;
const form = [
  'Content-Type: application/x-www-form-urlencoded',
  'Origin: https://app.test',
  'Sec-Fetch-Site: same-origin',
];
const post = { method: 'POST', target: '/_auth/sign-in', doors: ['http'] } as const;
const deep = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);

export const attack: Attack = {
  id: 'O279',
  slug: 'big-login',
  behaviour: 'takes small plain forms at the sign-in only',
  doors: ['http'],
  cases: [
    {
      ...post,
      name: '20 KB',
      headers: form,
      body: `username=alice&password=${'x'.repeat(20_000)}`,
      expect: { ...refused, status: 413 },
    },
    {
      ...post,
      name: '1 MB',
      headers: form,
      body: `username=alice&password=${'x'.repeat(1_000_000)}`,
      expect: { ...refused, status: 413, closed: true },
    },
    {
      ...post,
      name: '20 KB in chunks',
      headers: [...form, 'Transfer-Encoding: chunked'],
      body: `4e20\r\n${'x'.repeat(20_000)}\r\n0\r\n\r\n`,
      expect: { ...refused, status: 413 },
    },
    {
      ...post,
      name: '10,000 fields',
      headers: form,
      body: Array.from({ length: 10_000 }, (_, index) => `a${String(index)}=`).join('&'),
      expect: refused,
    },
    { ...post, name: '3,000 fields', headers: form, body: 'a=&'.repeat(3_000), expect: refused },
    { ...post, name: 'deep JSON', headers: ['Content-Type: application/json'], body: deep, expect: refused },
    {
      ...post,
      name: 'small JSON',
      headers: ['Content-Type: application/json'],
      body: '{"username":"alice","password":"x"}',
      expect: refused,
    },
    {
      ...post,
      name: 'gzip',
      headers: [...form, 'Content-Encoding: gzip'],
      body: '\x1f\x8b\x08\x00',
      expect: { ...refused, status: 415 },
    },
    {
      ...post,
      name: 'multipart',
      headers: ['Content-Type: multipart/form-data; boundary=x'],
      body: '--x\r\n\r\n--x--',
      expect: refused,
    },
    { ...post, name: 'no type', body: 'username=alice&password=x', expect: refused },
  ],
};
