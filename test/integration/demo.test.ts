import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { createDemoApp } from '../../src/demo/app.ts';

async function startDemo(t: ExecutionContext): Promise<number> {
  const server = createDemoApp();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Bytes in, text out until the other end closes. */
async function rawExchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

test('shows the headers and cookies that it received, whatever they hold', async (t) => {
  const port = await startDemo(t);
  const page = await rawExchange(
    port,
    'GET /<b>?x="y" HTTP/1.1\r\nHost: a\r\nRemote-User: <script>alert(1)</script>\r\nX-Odd: "\'&\r\nCookie: theme=<i>; n=1=2\r\nConnection: close\r\n\r\n',
  );
  t.regex(page, /Hello, <bdi>&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/bdi>/);
  t.regex(page, /<tr class="identity"><th scope="row">Remote-User<\/th>/);
  t.regex(page, /&quot;&#39;&amp;/);
  t.regex(page, /<th scope="row">theme<\/th><td>&lt;i&gt;<\/td>/);
  t.regex(page, /<th scope="row">n<\/th><td>1=2<\/td>/);
  t.regex(page, /GET \/&lt;b&gt;\?x=&quot;y&quot;/);
  t.notRegex(page, /<script>alert|<i>|<b>/);
});

test('shows a name in UTF-8', async (t) => {
  const port = await startDemo(t);
  const name = Buffer.from('Zoë 田中').toString('latin1');
  const page = await rawExchange(
    port,
    `GET / HTTP/1.1\r\nHost: a\r\nRemote-Name: ${name}\r\nConnection: close\r\n\r\n`,
  );
  t.regex(page, /Hello, <bdi>Zoë 田中<\/bdi>/);
});

test('tells a stranger that no name came', async (t) => {
  const port = await startDemo(t);
  t.regex(await (await fetch(`http://127.0.0.1:${port}/deep/link?a=b`)).text(), /Hello, stranger/);
});

test('receives a form and shows its words escaped', async (t) => {
  const port = await startDemo(t);
  const answer = await fetch(`http://127.0.0.1:${port}/form`, {
    method: 'POST',
    body: new URLSearchParams({ words: '<img src=x> & co' }),
  });
  t.regex(await answer.text(), /<code id="posted">&lt;img src=x&gt; &amp; co<\/code>/);
  const tooLarge = await fetch(`http://127.0.0.1:${port}/form`, { method: 'POST', body: 'x'.repeat(70_000) });
  t.is(tooLarge.status, 413);
});

test('counts and hashes an upload', async (t) => {
  const port = await startDemo(t);
  const body = randomBytes(3_000_000);
  const answer = await fetch(`http://127.0.0.1:${port}/upload`, { method: 'POST', body });
  t.deepEqual(await answer.json(), {
    bytes: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
});

test('streams events, and stops when the visitor goes', async (t) => {
  const port = await startDemo(t);
  const abort = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}/events`, { signal: abort.signal });
  t.is(answer.headers.get('content-type'), 'text/event-stream');
  const events = answer.body as unknown as AsyncIterable<Uint8Array>;
  let first = '';
  for await (const chunk of events) {
    first = Buffer.from(chunk).toString('utf8');
    break;
  }
  t.regex(first, /^data: \d\d:\d\d:\d\d\n\n/);
  abort.abort();
});

test('refuses methods that it does not know', async (t) => {
  const port = await startDemo(t);
  t.is((await fetch(`http://127.0.0.1:${port}/`, { method: 'DELETE' })).status, 405);
});

function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve));
}

test('talks WebSocket: clock, echo of small, large and fragmented texts, ping, and a clean end', async (t) => {
  const port = await startDemo(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  const echoes: string[] = [];
  let clocks = 0;
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as { kind: string; text: string };
    if (message.kind === 'echo') echoes.push(message.text);
    else clocks += 1;
  });
  await once(socket, 'open');
  const large = 'é'.repeat(70_000);
  socket.send('hello');
  socket.send(large);
  socket.send('in ', { fin: false });
  socket.send('parts', { fin: true });
  socket.ping('x');
  await once(socket, 'pong');
  socket.close(1000);
  t.is(await closeCode(socket), 1000);
  t.deepEqual(echoes, ['hello', large, 'in parts']);
  t.true(clocks >= 1);
});

test('ends a WebSocket whose message is too large, or whose frames are not masked', async (t) => {
  const port = await startDemo(t);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await once(socket, 'open');
  socket.send('x'.repeat(1024 * 1024 + 1));
  t.is(await closeCode(socket), 1009);

  const unmasked = await rawExchange(
    port,
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x02hi',
  );
  t.regex(unmasked, /s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  t.true(unmasked.includes('\x03'), 'closed with a close frame');
});

test('answers an upgrade that is no WebSocket with 426', async (t) => {
  const port = await startDemo(t);
  const answer = await rawExchange(
    port,
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n',
  );
  t.regex(answer, /^HTTP\/1\.1 426 /);
});
