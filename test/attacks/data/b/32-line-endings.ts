import { bad, type Attack } from '../../../support/attack.ts';

const heads = {
  'bare LF after the request line': 'GET /public/x HTTP/1.1\nHost: app.test\r\n\r\n',
  'bare LF after a header': 'GET /public/x HTTP/1.1\r\nHost: app.test\nX-A: 1\r\n\r\n',
  'bare LF everywhere': 'GET /public/x HTTP/1.1\nHost: app.test\n\n',
  'bare LF as the end': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\n\n',
  'bare CR after the request line': 'GET /public/x HTTP/1.1\rHost: app.test\r\n\r\n',
  'bare CR after a header': 'GET /public/x HTTP/1.1\r\nHost: app.test\rX-A: 1\r\n\r\n',
  'bare CR within a value': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-A: 1\rRemote-User: evil\r\n\r\n',
  'CR and a letter as the end': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\n\rX\r\n\r\n',
  'folded value': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-A: 1\r\n folded\r\n\r\n',
  'value folded by a tab': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-A: 1\r\n\tRemote-User: evil\r\n\r\n',
  'folded empty value': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-A:\r\n 1\r\n\r\n',
  'folded first line': 'GET /public/x HTTP/1.1\r\n Host: app.test\r\n\r\n',
  'no colon': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-A\r\n\r\n',
  'no name': 'GET /public/x HTTP/1.1\r\nHost: app.test\r\n: 1\r\n\r\n',
  'folded length': 'POST /public/x HTTP/1.1\r\nHost: app.test\r\nContent-Length:\r\n 5\r\n\r\nhello',
  'folded coding': 'POST /public/x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
};

export const attack: Attack = {
  id: 'B32',
  slug: 'line-endings',
  behaviour: 'reads CRLF and nothing else as the end of a line',
  cases: Object.entries(heads).map(([name, raw]) => ({ name, raw, expect: bad() })),
};
