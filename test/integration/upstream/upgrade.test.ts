import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import type { CanonicalPath } from '../../../src/request/facts.ts';
import { eventually, exchange, listen, routeTo, startRecorder, startUpgrader, values } from './support.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const switching = (...lines: string[]) =>
  ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', ...lines, '', ''].join('\r\n');

function ask(path: string, ...lines: string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: app.test',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

/** A WebSocket app that echoes, speaks subprotocol `chat` and compresses. */
async function startEcho(t: ExecutionContext): Promise<{ origin: string; app: WebSocketServer }> {
  const server = createServer();
  const app = new WebSocketServer({ server, perMessageDeflate: true, handleProtocols: () => 'chat' });
  app.on('connection', (client) => {
    client.on('message', (data, isBinary) => {
      if (!isBinary && (data as Buffer).toString() === 'close') client.close(4001, 'app says so');
      else client.send(data, { binary: isBinary });
    });
    client.on('error', () => undefined);
  });
  t.teardown(() => app.close());
  return { origin: `http://127.0.0.1:${await listen(t, server)}`, app };
}

async function opened(client: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => client.once('open', () => resolve()).once('error', reject));
}

async function closed(client: WebSocket): Promise<string> {
  return new Promise((resolve) => client.once('close', (code, reason) => resolve(`${code} ${reason.toString()}`)));
}

test('carries messages, subprotocol, compression and close codes as they are', async (t) => {
  const echo = await startEcho(t);
  const gateway = await startUpgrader(t, routeTo(echo.origin));
  const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat?x=%2F`, ['chat', 'other']);
  await opened(client);
  t.is(client.protocol, 'chat');
  t.regex(client.extensions, /permessage-deflate/);
  const large = randomBytes(3 * 1024 * 1024);
  const echoed = new Promise<Buffer>((resolve) => client.once('message', (data) => resolve(data as Buffer)));
  client.send(large);
  t.true((await echoed).equals(large));
  const end = closed(client);
  client.send('close');
  t.is(await end, '4001 app says so');
  await eventually(() => gateway.outcomes.length === 1);
  t.deepEqual(gateway.outcomes, [{ kind: 'tunnelled' }]);
});

test('decides the headers of an upgrade as those of any request', async (t) => {
  const up = await startRecorder(t, switching(`Sec-WebSocket-Accept: ${accept}`));
  const gateway = await startUpgrader(t, routeTo(up.origin));
  await exchange(
    gateway.port,
    ask(
      '/a%2Fb/./c//d?q=/../',
      'Connection: Remote-User, X-Secret',
      'X-Secret: s',
      'Remote-User: admin',
      'remote_groups: admins',
      'Cookie: a=1; gw=SID; b=2',
      'Authorization: Bearer x',
      'X-Forwarded-For: 6.6.6.6',
      'Origin: https://app.test',
      'X-Double: 1',
      'X-Double: 2',
      'Sec-WebSocket-Protocol: chat',
    ),
    /\r\n\r\n/,
  );
  const [text = ''] = up.received;
  t.true(text.startsWith('GET /a%2Fb/./c//d?q=/../ HTTP/1.1\r\n'), text);
  t.deepEqual(values(text, 'host'), ['app.test']);
  t.deepEqual(values(text, 'connection'), ['Upgrade']);
  t.deepEqual(values(text, 'upgrade'), ['websocket']);
  t.deepEqual(values(text, 'remote-user'), ['alice']);
  t.deepEqual(values(text, 'remote-name'), [Buffer.from('Zoë 田中').toString('latin1')]);
  t.deepEqual(values(text, 'cookie'), ['a=1; b=2']);
  t.deepEqual(values(text, 'x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(values(text, 'x-double'), ['1', '2']);
  t.deepEqual(values(text, 'authorization'), ['Bearer x']);
  t.deepEqual(values(text, 'sec-websocket-key'), [key]);
  t.deepEqual(values(text, 'sec-websocket-protocol'), ['chat']);
  t.false(/admin|SID|x-secret/i.test(text), text);
});

test('passes the answer to an upgrade on, less what only we may set', async (t) => {
  const up = await startRecorder(
    t,
    switching(
      `Sec-WebSocket-Accept: ${accept}`,
      'Set-Cookie: gw=evil; Path=/',
      'Set-Cookie: io=1',
      'set-cookie: app=2',
      'Keep-Alive: timeout=5',
      'x-CaSe: \xe9',
      'Content-Length: 0',
    ) + '\x81\x02hi',
  );
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const answer = await exchange(gateway.port, ask('/'), /hi$/);
  t.true(
    answer.startsWith('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'),
    answer,
  );
  t.deepEqual(values(answer, 'set-cookie'), ['io=1', 'app=2']);
  t.deepEqual(values(answer, 'sec-websocket-accept'), [accept]);
  t.true(answer.includes('\r\nx-CaSe: \xe9\r\n'));
  t.false(/evil|keep-alive|content-length/i.test(answer), answer);
  t.true(answer.endsWith('\r\n\r\n\x81\x02hi'));
});

test('hands what came behind the head to the upstream only once it has agreed', async (t) => {
  let seen = '';
  const up = await startRecorder(t, (text, socket) => {
    socket.on('data', (chunk) => (seen += chunk.toString('latin1')));
    return text.includes('/no') ? 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno' : switching();
  });
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const refused = await exchange(gateway.port, `${ask('/no')}GET /SMUGGLED HTTP/1.1\r\n\r\n`);
  t.true(refused.startsWith('HTTP/1.1 426 Upgrade Required\r\n') && refused.endsWith('\r\n\r\nno'), refused);
  t.deepEqual(values(refused, 'connection'), ['close']);
  t.is(seen, '');
  void exchange(gateway.port, `${ask('/yes')}EARLY`, /NEVER/).catch(() => undefined);
  await eventually(() => seen === 'EARLY', seen);
  for (const handle of gateway.handles) handle.close();
});

test('passes a refusal on with its body, in one framing that can be told from a break', async (t) => {
  const server = createServer();
  server.on('upgrade', (_incoming, socket) =>
    socket.end(
      'HTTP/1.1 403 Forbidden\r\nSet-Cookie: gw=evil\r\nSet-Cookie: a=1\r\nX-Why: origin\r\nConnection: close\r\n\r\nnot allowed',
    ),
  );
  const gateway = await startUpgrader(t, routeTo(`http://127.0.0.1:${await listen(t, server)}`));
  const answer = await exchange(gateway.port, ask('/'));
  t.true(answer.startsWith('HTTP/1.1 403 Forbidden\r\n'), answer);
  t.deepEqual(values(answer, 'set-cookie'), ['a=1']);
  t.deepEqual(values(answer, 'x-why'), ['origin']);
  t.true(answer.endsWith('b\r\nnot allowed\r\n0\r\n\r\n'), answer);
  await eventually(() => gateway.outcomes.length === 1);
  t.deepEqual(gateway.outcomes, [{ kind: 'answered', status: 403 }]);
});

test('fits a redirect in a refusal to a route without its prefix', async (t) => {
  const up = await startRecorder(t, 'HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n');
  const gateway = await startUpgrader(t, routeTo(up.origin, { path: '/app' as CanonicalPath, upstreamPath: '/' }));
  const answer = await exchange(gateway.port, ask('/app/ws'));
  t.deepEqual(values(answer, 'location'), ['/app/login']);
  t.true(up.received[0]?.startsWith('GET /ws HTTP/1.1\r\n'));
});

test('says 502 or 504 when no sound answer comes, and lives on', async (t) => {
  const nobody = await startUpgrader(t, routeTo('http://127.0.0.1:1'));
  t.regex(await exchange(nobody.port, ask('/')), /^HTTP\/1\.1 502 [^]*refused upstream-unreachable$/);
  const answers: Record<string, string | null> = {
    '/reset': null,
    '/garbage': 'SSH-2.0-OpenSSH\r\n',
    '/bare-101': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    '/other': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n',
    '/999': 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n',
    '/both': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  };
  const up = await startRecorder(t, (text, socket) => {
    const answer = answers[text.split(' ')[1] ?? ''];
    if (answer === null) socket.resetAndDestroy();
    else if (answer === undefined) return null;
    else socket.end(answer);
    return null;
  });
  const gateway = await startUpgrader(t, routeTo({ targets: up.origin, timeouts: { firstByte: '200ms' } }));
  for (const path of Object.keys(answers))
    t.regex(await exchange(gateway.port, ask(path)), /^HTTP\/1\.1 502 [^]*refused upstream-\w+$/, path);
  t.regex(await exchange(gateway.port, ask('/silent')), /^HTTP\/1\.1 504 [^]*refused upstream-timeout$/);
});

test('carries any other protocol, with its own method', async (t) => {
  const up = await startRecorder(
    t,
    'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nstream',
  );
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const answer = await exchange(
    gateway.port,
    'POST /attach HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    /stream$/,
  );
  t.true(answer.startsWith('HTTP/1.1 101 UPGRADED\r\n'), answer);
  t.true(up.received[0]?.startsWith('POST /attach HTTP/1.1\r\n'), up.received[0]);
  t.false(/content-length|transfer-encoding/i.test(up.received[0] ?? ''), up.received[0]);
});

test('tells a WebSocket why it is closed, and lets nothing more pass', async (t) => {
  const echo = await startEcho(t);
  const gateway = await startUpgrader(t, routeTo(echo.origin));
  for (const code of [1001, 4401]) {
    const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
    await opened(client);
    await eventually(() => echo.app.clients.size === 1);
    const end = closed(client);
    gateway.handles.at(-1)!.close(code);
    t.is(await end, `${code} `);
    t.deepEqual(await gateway.handles.at(-1)!.done, { kind: 'closed' });
    await eventually(() => echo.app.clients.size === 0, 'the end at the app');
  }
});

test('closes an upgrade that still waits for its answer', async (t) => {
  const up = await startRecorder(t, () => null);
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const answering = exchange(gateway.port, ask('/'));
  await eventually(() => up.received.length === 1);
  gateway.handles[0]!.close();
  t.is(await answering, '');
  await eventually(() => up.sockets[0]!.destroyed, 'the end at the upstream');
});

test('ends one side with the other', async (t) => {
  const echo = await startEcho(t);
  const gateway = await startUpgrader(t, routeTo(echo.origin));
  const first = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
  await opened(first);
  first.terminate();
  await eventually(() => echo.app.clients.size === 0, 'the end at the app');
  const second = new WebSocket(`ws://127.0.0.1:${gateway.port}/`);
  await opened(second);
  await eventually(() => echo.app.clients.size === 1);
  const end = closed(second);
  for (const client of echo.app.clients) client.terminate();
  t.is(await end, '1006 ');
  await eventually(() => gateway.outcomes.length === 2);
});

test('closes a WebSocket whose upstream never hangs up after the visitor has', async (t) => {
  const up = await startRecorder(t, switching());
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const socket = connect(gateway.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write(ask('/'));
  await eventually(() => up.received.length === 1);
  socket.end();
  await eventually(() => gateway.outcomes.length === 1, 'the end of the tunnel');
  await eventually(() => up.sockets[0]!.destroyed, 'the end at the upstream');
  t.deepEqual(gateway.outcomes, [{ kind: 'tunnelled' }]);
});

test.serial('leaves no socket behind after a hundred aborted upgrades', async (t) => {
  const up = await startRecorder(t, (text) => (text.includes('/hang') ? null : switching()));
  const gateway = await startUpgrader(t, routeTo(up.origin));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const socket = connect(gateway.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(ask(index % 2 === 0 ? '/hang' : '/open'));
        await new Promise((resolve) => setTimeout(resolve, index % 10));
        socket.resetAndDestroy();
      }),
    );
  }
  await eventually(() => gateway.outcomes.length === gateway.handles.length, 'the end of every upgrade');
  await eventually(() => descriptors() <= before + 5, 'the descriptors to be free');
  t.pass();
});
