import { bad, passes, type Attack } from '../../../support/attack.ts';

const heads = {
  'no version': 'GET /public/x\r\n\r\n',
  'no version, with a header': 'GET /public/x\r\nHost: app.test\r\n\r\n',
  '2.0': 'GET /public/x HTTP/2.0\r\nHost: app.test\r\n\r\n',
  '9.9': 'GET /public/x HTTP/9.9\r\nHost: app.test\r\n\r\n',
  '0.9': 'GET /public/x HTTP/0.9\r\nHost: app.test\r\n\r\n',
  '1.2': 'GET /public/x HTTP/1.2\r\nHost: app.test\r\n\r\n',
  '1.10': 'GET /public/x HTTP/1.10\r\nHost: app.test\r\n\r\n',
  'lower case': 'GET /public/x http/1.1\r\nHost: app.test\r\n\r\n',
  'trailing space': 'GET /public/x HTTP/1.1 \r\nHost: app.test\r\n\r\n',
  'HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

export const attack: Attack = {
  id: 'B47',
  slug: 'version',
  behaviour: 'speaks HTTP/1.0 and HTTP/1.1 only',
  cases: [
    ...Object.entries(heads).map(([name, raw]) => ({ name, raw, expect: bad(400, 505) })),
    { name: 'HTTP/1.0', target: '/public/x', version: 'HTTP/1.0', expect: { ...passes(), closed: true } },
  ],
};
