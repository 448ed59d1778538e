import { createHash } from 'node:crypto';
import test from 'ava';
import { WebSocket } from 'ws';
import { createGrounds, declareAttacks, type Ground, loadAttacks, settingOf } from '../support/attack-runner.ts';
import { isAlive, poll } from '../support/gateway.ts';
import { openFiles } from '../support/process-figures.ts';
import { openRaw, sendRaw, speaksTls, valuesOf } from '../support/raw.ts';
import { writes, writesAndCloses } from '../support/upstream.ts';

const grounds = createGrounds(settingOf(import.meta.url));
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('m'), { grounds });

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const handshake = (target: string, cookie: string, version = '13') =>
  [
    `GET ${target} HTTP/1.1`,
    'Host: app.test',
    `Cookie: ${cookie}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Version: ${version}`,
    `Sec-WebSocket-Key: ${key}`,
    '\r\n',
  ].join('\r\n');

/** An open WebSocket through the gateway, as a program opens it. */
async function openSocket(ground: Ground, cookie: string, target = '/ws'): Promise<WebSocket> {
  const { port } = ground.gateway;
  const socket = new WebSocket(`${speaksTls(port) ? 'wss' : 'ws'}://127.0.0.1:${String(port)}${target}`, {
    headers: { Host: 'app.test', Cookie: cookie },
    rejectUnauthorized: false,
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('close', () => {
      reject(new Error('closed before it opened'));
    });
  });
  return socket;
}

test.serial('M251 ws-identity: frames pass both ways, of every kind', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const socket = await openSocket(ground, cookie);
  const echo = async (data: string | Buffer) => {
    const back = new Promise<Buffer>((resolve) => socket.once('message', (got: Buffer) => resolve(got)));
    socket.send(data);
    return back;
  };
  t.is((await echo('hello')).toString(), 'hello');
  const big = Buffer.alloc(3_000_000, 7);
  t.true((await echo(big)).equals(big));
  socket.terminate();
});

test.serial('M254 ws-crash: broken handshakes leave the process and its descriptors as they were', async (t) => {
  const ground = await grounds.start('plain', { spawned: true });
  t.teardown(ground.stop);
  const { cookie } = await ground.session('alice');
  const { port, pid } = ground.gateway;
  await Promise.all(Array.from({ length: 10 }, async () => (await openSocket(ground, cookie)).terminate()));
  await poll(() => ground.upstream.webSockets() === 0);
  const before = openFiles(pid);
  await sendRaw(port, handshake('http://[', cookie), { untilClosed: true });
  for (let time = 0; time < 100; time += 1) {
    const client = await openRaw(port);
    const bytes = handshake('/ws', cookie);
    client.write(time % 3 === 0 ? bytes.slice(0, time) : bytes);
    if (time % 3 === 2) await client.answer().catch(() => null);
    client.reset();
  }
  t.teardown(ground.upstream.script('/ws/reset', () => ({ kind: 'drop' })));
  t.teardown(
    ground.upstream.script('/ws/refuse', writesAndCloses('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')),
  );
  t.teardown(ground.upstream.script('/ws/garbage', writesAndCloses('\x00\x01\x02 garbage \r\n\r\n')));
  for (let time = 0; time < 10; time += 1) {
    t.is((await sendRaw(port, handshake('/ws/reset', cookie), { untilClosed: true })).answers[0]?.status, 502);
    const refused = await sendRaw(port, handshake('/ws/refuse', cookie), { untilClosed: true });
    t.is(refused.answers[0]?.status, 403);
    t.is(refused.answers[0]?.body.toString(), 'no');
    t.is((await sendRaw(port, handshake('/ws/garbage', cookie), { untilClosed: true })).answers[0]?.status, 502);
  }
  t.true(await isAlive(port));
  // A process may keep connections to the upstream that it did not have before; 130 handshakes that leaked would be more.
  await poll(() => openFiles(pid) <= before + 25);
  t.is(ground.gateway.pid, pid);
});

test.serial('M254 ws-crash: an upstream that is down is told as 502', async (t) => {
  const ground = await grounds.start('plain');
  t.teardown(ground.gateway.stop);
  const { cookie } = await ground.session('alice');
  await ground.upstream.stop();
  const { answers, closed } = await sendRaw(ground.gateway.port, handshake('/ws', cookie), { untilClosed: true });
  t.is(answers[0]?.status, 502);
  t.true(closed);
});

test.serial('M256 ws-fake: a refused handshake opens no tunnel', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const hidden = 'GET /admin/hidden HTTP/1.1\r\nHost: app.test\r\nRemote-User: evil\r\n\r\n';
  for (const [status, body] of [
    [426, 'no'],
    [200, 'hi'],
    [404, ''],
    [302, ''],
  ] as const) {
    const answer = `HTTP/1.1 ${String(status)} Odd\r\nLocation: /x\r\nSet-Cookie: __Host-sallyport=evil\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;
    const untake = ground.upstream.script('/ws/fake', writes(answer));
    for (const version of ['777', '13']) {
      const seen = ground.upstream.mark();
      const client = await openRaw(ground.gateway.port);
      client.write(handshake('/ws/fake', cookie, version) + hidden);
      const first = await client.answer();
      t.true([status, 400, 426, 502].includes(first.status), first.statusLine);
      t.deepEqual(valuesOf(first, 'set-cookie'), []);
      client.write(hidden);
      t.true(await client.closed(), `${String(status)} with version ${version}`);
      t.false(seen.raw().toString().includes('hidden'));
      client.destroy();
    }
    untake();
  }
});

test.serial('M257 ws-101-unasked: 101 to an ordinary request becomes 502', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nEVIL`;
  t.teardown(ground.upstream.script('/private/101', writes(switching)));
  const { answers, tunnel } = await sendRaw(
    ground.gateway.port,
    `GET /private/101 HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\n\r\n`,
  );
  t.is(answers[0]?.status, 502);
  t.false(tunnel.toString().includes('EVIL'));
});

test.serial('M258 ws-setcookie: the answer to an upgrade is sanitised too', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade, X-Secret',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${accept}`,
    'Set-Cookie: __Host-sallyport=evil; Path=/',
    'Set-Cookie: app=1; Path=/',
    'set-cookie: SALLYPORT=evil',
    'X-Secret: evil',
    'Keep-Alive: timeout=5',
    'Proxy-Authenticate: evil',
  ];
  t.teardown(
    ground.upstream.script('/ws/cookies', (_request, socket) => {
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return { kind: 'taken' };
    }),
  );
  const { answers } = await sendRaw(ground.gateway.port, handshake('/ws/cookies', cookie));
  t.is(answers[0]?.status, 101);
  t.deepEqual(valuesOf(answers[0]!, 'set-cookie'), ['app=1; Path=/']);
  t.deepEqual(valuesOf(answers[0]!, 'x-secret'), []);
  t.deepEqual(valuesOf(answers[0]!, 'proxy-authenticate'), []);
  t.false(JSON.stringify(answers[0]?.headers).includes('evil'));
});

test.serial('M259 ws-expiry: a socket ends with its session, and frames do not keep it alive', async (t) => {
  const ground = await grounds.start('shortSessions');
  t.teardown(ground.stop);
  const { cookie } = await ground.newSession('alice');
  const socket = await openSocket(ground, cookie);
  const chatter = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send('still here');
  }, 100);
  t.teardown(() => {
    clearInterval(chatter);
  });
  await poll(() => socket.readyState === WebSocket.CLOSED, 20_000);
  await poll(() => ground.upstream.webSockets() === 0);
  t.pass();
});

test.serial('M259 ws-expiry: signing out closes every socket of the session and of no other', async (t) => {
  const ground = await grounds.get();
  const [mine, other] = [await ground.newSession('alice'), await ground.newSession('alice')];
  const sockets = await Promise.all([
    openSocket(ground, mine.cookie),
    openSocket(ground, mine.cookie),
    openSocket(ground, other.cookie),
  ]);
  const answer = await sendRaw(
    ground.gateway.port,
    `GET /_auth/sign-out HTTP/1.1\r\nHost: app.test\r\nCookie: ${mine.cookie}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n`,
  );
  t.true([200, 302, 303].includes(answer.answers[0]?.status ?? 0));
  await poll(() => sockets[0].readyState === WebSocket.CLOSED && sockets[1].readyState === WebSocket.CLOSED, 5_000);
  t.is(sockets[2].readyState, WebSocket.OPEN);
  sockets[2].terminate();
});

test.serial('M261 ws-limit: an upstream that sends faster than the visitor reads is held back', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  let written = 0;
  t.teardown(
    ground.upstream.script('/ws/flood', (_request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      const chunk = Buffer.alloc(65_536);
      const pour = () => {
        while (!socket.destroyed && written < 256 * 1024 * 1024) {
          written += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', pour);
      pour();
      return { kind: 'taken' };
    }),
  );
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  client.write(handshake('/ws/flood', cookie));
  await client.answer();
  client.socket.pause();
  let last = -1;
  // At rest when nothing more was taken over ten turns of the poll.
  let still = 0;
  await poll(() => {
    still = written === last ? still + 1 : 0;
    last = written;
    return still >= 10;
  });
  t.true(written < 64 * 1024 * 1024, `${String(written)} bytes were taken from the upstream`);
});
