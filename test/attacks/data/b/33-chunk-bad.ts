import { type Attack } from '../../../support/attack.ts';

const bodies = {
  'hex prefix': '0x5\r\nhello\r\n0\r\n\r\n',
  plus: '+5\r\nhello\r\n0\r\n\r\n',
  'leading space': ' 5\r\nhello\r\n0\r\n\r\n',
  'trailing space and text': '5 x\r\nhello\r\n0\r\n\r\n',
  underscore: '5_0\r\nhello\r\n0\r\n\r\n',
  minus: '-1\r\nhello\r\n0\r\n\r\n',
  '17 hex digits': '00000000000000005\r\nhello\r\n0\r\n\r\n'.replace('00000000000000005', '10000000000000005'),
  'empty size': '\r\nhello\r\n0\r\n\r\n',
  'no line end after the data': '5\r\nhelloX0\r\n\r\n',
  'LF only after the data': '5\r\nhello\n0\r\n\r\n',
  'LF only after the size': '5\nhello\r\n0\r\n\r\n',
  'CR in an extension': '5;a\rb\r\nhello\r\n0\r\n\r\n',
  'LF in an extension': '5;a\nb\r\nhello\r\n0\r\n\r\n',
  'LF only at the end': '5\r\nhello\r\n0\n\n',
  'not hex': 'g\r\nhello\r\n0\r\n\r\n',
  'more data than said': '3\r\nhello\r\n0\r\n\r\n',
};

export const attack: Attack = {
  id: 'B33',
  slug: 'chunk-bad',
  behaviour: 'gives up on a broken chunked body, and the upstream never sees it whole',
  cases: Object.entries(bodies).flatMap(([name, body]) =>
    ['POST', 'DELETE'].map((method) => ({
      name: `${method} ${name}`,
      method,
      target: '/public/x',
      headers: ['Transfer-Encoding: chunked'],
      body,
      expect: { status: 400, closed: true, upstream: 'no-request' as const },
    })),
  ),
};
