import { badOrDenied, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C76',
  slug: 'method-policy',
  behaviour: 'opens a path for the named method only',
  gateway: 'methods',
  cases: [
    { name: 'GET', target: '/read/x', expect: passes() },
    {
      name: 'HEAD, which is a GET without its body',
      method: 'HEAD',
      target: '/read/x',
      expect: { status: [200, 401, 403], upstream: 'anything' },
    },
    ...['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'get', 'Get', 'FOO', 'GETX', 'GE'].map((method) => ({
      name: method,
      method,
      target: '/read/x',
      expect: badOrDenied,
    })),
    { name: 'POST and a space', raw: 'POST  /read/x HTTP/1.1\r\nHost: app.test\r\n\r\n', expect: badOrDenied },
    { name: 'GET and a tab', raw: 'GET\t/read/x HTTP/1.1\r\nHost: app.test\r\n\r\n', expect: badOrDenied },
    { name: 'a space and GET', raw: ' GET /read/x HTTP/1.1\r\nHost: app.test\r\n\r\n', expect: badOrDenied },
  ],
};
