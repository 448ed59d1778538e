import { type Attack } from '../../../support/attack.ts';

const refused = { status: [400, 405, 426], closed: true, upstream: 'nothing' } as const;
const handshake = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
const asks = (protocol: string) => ['Connection: Upgrade', `Upgrade: ${protocol}`, ...handshake];

export const attack: Attack = {
  id: 'M255',
  slug: 'ws-other',
  behaviour: 'tunnels websocket alone, asked for by a GET without a body',
  doors: ['http'],
  cases: [
    ...['h2c', 'websocket, h2c', 'h2c, websocket', 'TLS/1.0', 'HTTP/2.0', 'websocket/13, h2c'].map((protocol) => ({
      name: protocol,
      as: 'alice' as const,
      target: '/ws',
      headers: asks(protocol),
      expect: refused,
    })),
    ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'].map((method) => ({
      name: `${method} upgrade`,
      as: 'alice' as const,
      method,
      target: '/ws',
      headers: asks('websocket'),
      expect: refused,
    })),
    {
      name: 'POST upgrade with a body',
      as: 'alice',
      method: 'POST',
      target: '/ws',
      headers: asks('websocket'),
      body: 'hello',
      expect: refused,
    },
    {
      name: 'GET with a body',
      as: 'alice',
      target: '/ws',
      headers: asks('websocket'),
      body: 'GET /admin/ HTTP/1.1\r\nHost: app.test\r\n\r\n',
      expect: refused,
    },
    {
      name: 'GET with chunks',
      as: 'alice',
      target: '/ws',
      headers: [...asks('websocket'), 'Transfer-Encoding: chunked'],
      body: '5\r\nhello\r\n0\r\n\r\n',
      expect: refused,
    },
    {
      name: 'HTTP/1.0',
      as: 'alice',
      target: '/ws',
      version: 'HTTP/1.0',
      headers: asks('websocket'),
      expect: { status: [200, 400, 426, 505], closed: true, upstream: 'anything' },
    },
    {
      name: 'two Upgrade lines',
      as: 'alice',
      target: '/ws',
      headers: [...asks('websocket'), 'Upgrade: h2c'],
      expect: refused,
    },
  ],
};
