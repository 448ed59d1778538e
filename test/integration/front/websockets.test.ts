import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { hasOpenssl } from '../../support/certificates.ts';
import { poll } from '../../support/gateway.ts';
import { usersFile } from '../../support/users.ts';
import { writes } from '../../support/upstream.ts';
import { openHttp2, signInHttp2, startTls, type TlsFixture } from './support.ts';

const run = hasOpenssl ? test : test.skip;

const connectHeaders = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':authority': 'app.test',
  ':path': '/ws',
  'sec-websocket-version': '13',
  origin: 'https://app.test',
} as const;

const signedInRoutes = (upstream: string): readonly unknown[] => [{ upstream, access: 'signed-in' }];

interface Opened {
  readonly stream: ClientHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly received: () => Buffer;
}

/** An extended CONNECT (RFC 8441), once the answer's head is there. */
async function openWebSocket(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}): Promise<Opened> {
  if (session.remoteSettings.enableConnectProtocol !== true) await once(session, 'remoteSettings');
  const stream = session.request({ ...connectHeaders, ...headers }, { endStream: false });
  stream.on('error', () => undefined);
  const chunks: Buffer[] = [];
  const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, headers: answer, received: () => Buffer.concat(chunks) };
}

/** A client's text frame with a mask of zeros. */
const textFrame = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

async function signedIn(
  t: ExecutionContext,
): Promise<{ fixture: TlsFixture; session: ClientHttp2Session; cookie: string }> {
  const fixture = await startTls(t, { users: usersFile(), routes: signedInRoutes });
  const session = openHttp2(t, fixture);
  return { fixture, session, cookie: await signInHttp2(session, 'alice') };
}

run('opens WebSockets over TLS with HTTP/1.1', async (t) => {
  const { fixture, cookie } = await signedIn(t);
  const url = `wss://127.0.0.1:${String(fixture.gateway.port)}/ws`;
  const options = { ca: fixture.ca, servername: 'app.test', headers: { Host: 'app.test', Cookie: cookie } };
  const socket = new WebSocket(url, options);
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const big = Buffer.alloc(1_000_000, 7);
  socket.send(big);
  const [echo] = (await once(socket, 'message')) as [Buffer];
  t.true(echo.equals(big));
});

run('opens WebSockets over HTTP/2, beside requests on the same connection', async (t) => {
  const { fixture, session, cookie } = await signedIn(t);
  const { stream, headers, received } = await openWebSocket(session, { cookie, 'sec-websocket-protocol': 'chat' });
  t.is(Number(headers[':status']), 200);
  t.is(headers['sec-websocket-accept'], undefined);
  t.is(headers['upgrade'], undefined);
  stream.write(textFrame('hello'));
  await poll(() => received().length >= 7);
  t.is(received().subarray(2).toString(), 'hello');
  const request = fixture.up.requests.at(-1);
  const value = (name: string) =>
    request?.headers.filter(([key]) => key.toLowerCase() === name).map(([, text]) => text);
  t.is(request?.method, 'GET');
  t.is(request?.target, '/ws');
  t.deepEqual(value('remote-user'), ['alice']);
  t.deepEqual(value('upgrade'), ['websocket']);
  t.deepEqual(value('connection'), ['Upgrade']);
  t.is(value('sec-websocket-key')?.length, 1);
  t.deepEqual(value('sec-websocket-protocol'), ['chat']);
  t.deepEqual(value('cookie'), []);
  stream.close();
  await poll(() => fixture.up.webSockets() === 0);
});

run('asks the same gate about a WebSocket over HTTP/2, and checks its origin', async (t) => {
  const { fixture, session, cookie } = await signedIn(t);
  const before = fixture.up.requests.length;
  t.is(Number((await openWebSocket(session)).headers[':status']), 401);
  const foreign = await openWebSocket(session, { cookie, origin: 'https://evil.test' });
  t.is(Number(foreign.headers[':status']), 403);
  await once(foreign.stream, 'end');
  t.regex(foreign.received().toString(), /"reason":\s*"websocket-origin"/);
  t.is(Number((await openWebSocket(session, { cookie, ':path': '/_auth/sign-in' })).headers[':status']), 400);
  t.is(Number((await openWebSocket(session, { cookie, ':protocol': 'connect-udp' })).headers[':status']), 501);
  t.is(fixture.up.requests.length, before);
});

run('closes a WebSocket over HTTP/2 when its session ends', async (t) => {
  const { session, cookie } = await signedIn(t);
  const { stream, received } = await openWebSocket(session, { cookie });
  stream.write(textFrame('hello'));
  await poll(() => received().length >= 7);
  const signOut = session.request({
    ':path': '/_auth/sign-out',
    ':authority': 'app.test',
    cookie,
    'sec-fetch-site': 'same-origin',
  });
  signOut.resume();
  const [answer] = (await once(signOut, 'response')) as [IncomingHttpHeaders];
  t.true(Number(answer[':status']) < 400);
  await poll(() => received().includes(Buffer.from([0x88, 2, 1008 >> 8, 1008 & 0xff])));
  stream.end();
  await once(stream, 'close');
});

run('tells WebSockets over HTTP/2 that it goes away', async (t) => {
  const { fixture, session, cookie } = await signedIn(t);
  const { stream, received } = await openWebSocket(session, { cookie });
  stream.write(textFrame('hello'));
  await poll(() => received().length >= 7);
  const stopped = fixture.gateway.stop();
  await poll(() => received().includes(Buffer.from([0x88, 2, 1001 >> 8, 1001 & 0xff])));
  await stopped;
  t.pass();
});

run('passes on what an upstream answers in place of a WebSocket', async (t) => {
  const { fixture, session, cookie } = await signedIn(t);
  fixture.up.script('/ws', writes('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nno'));
  const refused = await openWebSocket(session, { cookie });
  t.is(Number(refused.headers[':status']), 426);
  t.is(refused.headers['x-a'], '1');
  await poll(() => refused.received().toString() === 'no');
});

run('believes no upstream that did not accept the key of the handshake', async (t) => {
  const { fixture, session, cookie } = await signedIn(t);
  fixture.up.script(
    '/ws',
    writes(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    ),
  );
  t.is(Number((await openWebSocket(session, { cookie })).headers[':status']), 502);
});
