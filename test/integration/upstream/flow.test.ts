import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import {
  eventually,
  exchange,
  get,
  listen,
  request,
  routeTo,
  startForwarder,
  startRecorder,
  startUpgrader,
} from './support.ts';

async function startUpstream(t: ExecutionContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer({ requestTimeout: 0 }, listener))}`;
}

/** Uploads with node's own client: `chunks` of 64 KiB, as the server takes them. */
async function upload(port: number, chunks: number, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string; sent: string }>((resolve, reject) => {
    const hash = createHash('sha256');
    const outgoing = httpRequest({ port, host: '127.0.0.1', method: 'PUT', headers }, (incoming) => {
      let body = '';
      incoming.on('data', (chunk) => (body += String(chunk)));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body, sent: hash.copy().digest('hex') }));
    });
    outgoing.on('error', reject);
    let left = chunks;
    const pump = (): void => {
      for (; left > 0; left -= 1) {
        const chunk = randomBytes(64 * 1024);
        hash.update(chunk);
        if (!outgoing.write(chunk)) {
          left -= 1;
          outgoing.once('drain', pump);
          return;
        }
      }
      outgoing.end();
    };
    pump();
  });
}

test('carries a large upload unchanged, with a length and in chunks', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    const hash = createHash('sha256');
    incoming.on('data', (chunk: Buffer) => hash.update(chunk));
    incoming.on('end', () => response.end(`${hash.digest('hex')} ${incoming.headers['content-length'] ?? 'chunked'}`));
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const chunked = await upload(gateway.port, 160);
  t.is(chunked.body, `${chunked.sent} chunked`);
  const sized = await upload(gateway.port, 160, { 'Content-Length': String(160 * 65_536) });
  t.is(sized.body, `${sized.sent} ${160 * 65_536}`);
});

test('delivers an answer that comes before the upload was read', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.writeHead(413, { 'Content-Length': '9' }).end('too large');
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  for (let round = 0; round < 10; round += 1) {
    const answer = await upload(gateway.port, 128);
    t.is(`${answer.status} ${answer.body}`, '413 too large');
  }
});

test('delivers an early answer also of an upstream that hangs up at once', async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => {
      socket.once('data', () => {
        // What is left unread makes this a reset.
        socket.write('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large', () =>
          socket.destroy(),
        );
      });
    }),
  );
  const gateway = await startForwarder(t, routeTo(`http://127.0.0.1:${port}`));
  for (let round = 0; round < 10; round += 1) {
    const answer = await upload(gateway.port, 128, { 'Content-Length': String(128 * 65_536) });
    t.is(`${answer.status} ${answer.body}`, '413 too large');
  }
});

test('reads the next request on the connection after an early answer', async (t) => {
  const up = await startRecorder(t, (text) =>
    text.startsWith('GET')
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext'
      : 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n',
  );
  const gateway = await startForwarder(t, routeTo(up.origin));
  const body = 'x'.repeat(200_000);
  const first = `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answer = await exchange(gateway.port, first + request('GET', '/next'));
  t.true(answer.startsWith('HTTP/1.1 401'));
  t.true(answer.endsWith('next'));
});

test('aborts the upstream when the visitor goes away in mid-upload, and no one gets the rest', async (t) => {
  const seen: string[] = [];
  const upstream = await startUpstream(t, (incoming, response) => {
    incoming.on('error', () => seen.push('aborted'));
    incoming.on('end', () => response.end(`whole ${incoming.url}`));
    incoming.resume();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  await get(gateway.port, '/warm');
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write('POST /cut HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\n0123456789');
  await eventually(() => gateway.handles.length === 2);
  socket.resetAndDestroy();
  await eventually(() => seen.length === 1, 'the abort at the upstream');
  t.true((await get(gateway.port, '/next')).endsWith('whole /next'));
  t.deepEqual(gateway.outcomes[1], { kind: 'client-gone' });
});

test('answers 502 when nobody listens and when the upstream resets', async (t) => {
  const gateway = await startForwarder(t, routeTo('http://127.0.0.1:1'));
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 502 [^]*refused upstream-unreachable$/);
  const up = await startRecorder(t, (_text, socket) => {
    socket.resetAndDestroy();
    return null;
  });
  const resetting = await startForwarder(t, routeTo(up.origin));
  t.regex(await get(resetting.port, '/'), /^HTTP\/1\.1 502 [^]*refused upstream-unreachable$/);
  t.is(up.received.length, 1, 'a request that was seen is not sent again');
});

test('answers 504 when the upstream never answers, but waits for an upload that goes on', async (t) => {
  const up = await startRecorder(t, (text) =>
    text.startsWith('POST') ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' : null,
  );
  const gateway = await startForwarder(t, routeTo({ targets: up.origin, timeouts: { firstByte: '300ms' } }));
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 504 [^]*refused upstream-timeout$/);
  const socket = connect(gateway.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  socket.write('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n');
  for (let sent = 0; sent < 10; sent += 1) {
    socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await eventually(() => answer.endsWith('ok'), answer);
});

test('cuts both sides when it is told to abort', async (t) => {
  let gone = false;
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.write('first');
    response.on('close', () => (gone = true));
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const answering = get(gateway.port, '/');
  await eventually(() => gateway.handles.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  gateway.handles[0]!.abort();
  t.false((await answering).endsWith('0\r\n\r\n'));
  await eventually(() => gone, 'the end at the upstream');
  t.deepEqual(await gateway.handles[0]!.done, { kind: 'aborted' });
});

test('asks again on a new connection when an idle one had died', async (t) => {
  let served = 0;
  const up = await startRecorder(t, (_text, socket) => {
    served += 1;
    // The second request on a connection meets its end, as when the upstream's idle timeout struck just then.
    if (served === 2) {
      socket.resetAndDestroy();
      return null;
    }
    return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  });
  const gateway = await startForwarder(t, routeTo(up.origin));
  t.true((await get(gateway.port, '/1')).endsWith('ok'));
  t.true((await get(gateway.port, '/2')).endsWith('ok'));
  t.is(up.connections(), 2);
  served = 1;
  t.regex(await exchange(gateway.port, request('POST', '/3', ['Content-Length: 1'], 'x')), /^HTTP\/1\.1 502/);
});

test('reaches an upstream on a unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'upstream-'));
  const socketPath = join(folder, 'app.sock');
  const server = createServer((incoming, response) => response.end(`unix ${incoming.headers.host}`));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.teardown(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });
  const route = routeTo(`unix:${socketPath}`);
  const gateway = await startForwarder(t, route);
  t.true((await get(gateway.port, '/')).includes('unix app.test'));
  server.on('upgrade', (_incoming, socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nunix'),
  );
  const upgrader = await startUpgrader(t, route);
  const upgrade = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  t.regex(await exchange(upgrader.port, upgrade), /^HTTP\/1\.1 101 [^]*unix$/);
});

test('gives each of many visitors the answer to their own request, whoever aborts', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    const reply = () => response.end(incoming.url);
    if (incoming.url?.endsWith('3')) setTimeout(reply, 5);
    else reply();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const wrong: string[] = [];
  const client = async (name: string) => {
    for (let turn = 0; turn < 125; turn += 1) {
      const path = `/${name}/${turn}`;
      if (turn % 7 === 3) {
        const socket = connect(gateway.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(request('GET', path), () => setTimeout(() => socket.resetAndDestroy(), turn % 3));
        await new Promise((resolve) => socket.once('close', resolve));
        continue;
      }
      const answer = await get(gateway.port, path);
      if (!answer.includes(`\r\n${path}\r\n`) && !answer.endsWith(path)) wrong.push(answer);
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(client));
  t.deepEqual(wrong, []);
});

test('holds memory flat while a slow reader takes a large answer', async (t) => {
  const block = Buffer.alloc(1024 * 1024, 'x');
  const total = 200;
  let given = 0;
  const upstream = await startUpstream(t, (_incoming, response) => {
    const pump = (): void => {
      while (given < total) {
        given += 1;
        if (!response.write(block)) {
          response.once('drain', pump);
          return;
        }
      }
      response.end();
    };
    pump();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const socket = connect(gateway.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length));
  socket.pause();
  socket.write(request('GET', '/'));
  // Nobody reads: what the upstream could hand over fits into the buffers on the way.
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.true(given < 40, `${given} MiB were taken without a reader`);
  socket.resume();
  await eventually(() => bytes > total * 1024 * 1024, 'the whole answer');
});

test('holds memory flat while a slow upstream takes a large upload', async (t) => {
  let read = 0;
  let go: () => void = () => undefined;
  const upstream = await startUpstream(t, (incoming, response) => {
    incoming.on('data', (chunk: Buffer) => (read += chunk.length));
    incoming.on('end', () => response.end('done'));
    incoming.pause();
    go = () => incoming.resume();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const block = Buffer.alloc(1024 * 1024, 'x');
  const total = 100;
  let taken = 0;
  const outgoing = httpRequest({ port: gateway.port, host: '127.0.0.1', method: 'PUT' });
  const answered = new Promise<number>((resolve) =>
    outgoing.on('response', (incoming) => resolve(incoming.resume().statusCode ?? 0)),
  );
  const pump = (): void => {
    while (taken < total) {
      taken += 1;
      if (!outgoing.write(block)) {
        outgoing.once('drain', pump);
        return;
      }
    }
    outgoing.end();
  };
  pump();
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.true(taken < 40, `${taken} MiB were taken without a reader`);
  go();
  t.is(await answered, 200);
  t.is(read, total * 1024 * 1024);
});

test.serial('leaves no socket behind after hundreds of aborted requests', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    if (incoming.url === '/hang') return;
    response.end('ok');
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(gateway.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(request('GET', '/hang'));
        await new Promise((resolve) => setTimeout(resolve, 5));
        socket.resetAndDestroy();
      }),
    );
  }
  await eventually(() => gateway.outcomes.length === gateway.handles.length, 'the end of every exchange');
  await eventually(() => descriptors() < 120, 'the descriptors to be free');
  t.true(gateway.outcomes.every((outcome) => outcome.kind === 'client-gone'));
});
