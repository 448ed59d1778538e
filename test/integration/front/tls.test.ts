import test from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { askHttp2, converse, openHttp2, openTls, startTls } from './support.ts';

const run = hasOpenssl ? test : test.skip;

run('serves HTTP/2 and HTTP/1.1 over TLS on one port, by ALPN', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const answer = await askHttp2(session, { ':path': '/a?b=c', 'x-test': 'one' });
  t.is(answer.status, 200);
  t.is(answer.body.toString(), 'ok GET /a?b=c');
  t.is(session.alpnProtocol, 'h2');
  const socket = await openTls(t, fixture);
  t.is(socket.alpnProtocol, 'http/1.1');
  const text = await converse(socket, 'GET /d HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
  t.regex(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.true(text.endsWith('ok GET /d'));
});
