import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { eventually, exchange, get, listen, request, routeTo, startForwarder, values } from './support.ts';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Upstream {
  readonly origin: string;
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[];
}

async function startHttp2(t: ExecutionContext, onStream: OnStream, maxConcurrentStreams = 100): Promise<Upstream> {
  const server = createServer({ settings: { maxConcurrentStreams } });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  const port = await listen(t, server);
  return { origin: `http://127.0.0.1:${port}`, server, sessions };
}

const over = (origin: string) => routeTo({ targets: origin, http2: true });

test('speaks HTTP/2 with prior knowledge: authority, path byte for byte, our headers, trailers welcome', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const upstream = await startHttp2(t, (stream, headers) => {
    seen.push(headers);
    stream.respond({ ':status': 201, 'set-cookie': ['a=1', 'b=2', 'gw=evil'], 'x-word': 'caf\xe9' });
    stream.end('made');
  });
  const { port, outcomes } = await startForwarder(t, over(upstream.origin));
  const hop = ['X-One: 1', 'X-One: 2', 'Cookie: a=1; gw=secret', 'Remote-User: evil', 'TE: gzip', 'Keep-Alive: 5'];
  const answer = await get(port, '/a%2Fb/$1?q=%20', ...hop);
  t.regex(answer, /^HTTP\/1\.1 201 Created\r\n/);
  t.deepEqual(values(answer, 'set-cookie'), ['a=1', 'b=2']);
  t.is(values(answer, 'x-word')[0], 'caf\xe9');
  t.true(answer.endsWith('made\r\n0\r\n\r\n'), answer);
  const [headers] = seen;
  t.is(headers?.[':authority'], 'app.test');
  t.is(headers?.[':path'], '/a%2Fb/$1?q=%20');
  t.is(headers?.[':scheme'], 'http');
  t.is(headers?.['x-one'], '1, 2');
  t.is(headers?.cookie, 'a=1');
  t.is(headers?.['remote-user'], 'alice');
  t.is(headers?.te, 'trailers');
  for (const name of ['host', 'connection', 'keep-alive']) t.is(headers?.[name], undefined, name);
  t.deepEqual(outcomes, [{ kind: 'answered', status: 201, bodyBytes: 4 }]);
});

test('passes interim answers, trailers and bodies on, both ways at once', async (t) => {
  const upstream = await startHttp2(t, (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</x.css>; rel=preload' });
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', 'cache-control': 'evil' }));
    stream.pipe(stream);
  });
  const { port } = await startForwarder(t, over(upstream.origin));
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.write(request('POST', '/', ['Transfer-Encoding: chunked', 'Trailer: X-Forged']) + '3\r\none\r\n');
  await eventually(() => text.includes('one'), 'the first part came back while the request goes on');
  t.regex(text, /^HTTP\/1\.1 103 Early Hints\r\n/);
  socket.write('3\r\ntwo\r\n0\r\nX-Forged: evil\r\n\r\n');
  await eventually(() => text.endsWith('\r\n\r\n') && text.includes('x-sum: 42'), 'trailers');
  t.true(text.includes('3\r\ntwo\r\n0\r\nx-sum: 42\r\n\r\n'), text);
});

test('many requests share a connection, and wait where the upstream allows no more streams', async (t) => {
  let atOnce = 0;
  let most = 0;
  const upstream = await startHttp2(
    t,
    (stream) => {
      most = Math.max(most, (atOnce += 1));
      setTimeout(() => {
        atOnce -= 1;
        stream.respond({ ':status': 200 });
        stream.end('ok');
      }, 20);
    },
    5,
  );
  const { port } = await startForwarder(t, over(upstream.origin));
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(port, '/')));
  t.is(answers.filter((answer) => answer.startsWith('HTTP/1.1 200')).length, 100);
  t.true(upstream.sessions.length <= 8, `${upstream.sessions.length} connections`);
  t.true(most <= 5 * upstream.sessions.length);
});

const frame = (type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
const settings = [frame(4, 0, 0), frame(4, 1, 0)];
const ok = frame(1, 4, 1, Buffer.from([0x88]));
const resetWith = (code: number): Buffer => frame(3, 0, 1, Buffer.from([0, 0, 0, code]));

/** Answers the first request with these frames. */
async function startFrames(t: ExecutionContext, ...given: readonly Buffer[]): Promise<string> {
  const frames = [...given];
  const server = createTcpServer((socket) => {
    socket.once('data', () => socket.write(Buffer.concat(settings)));
    let bytes = 0;
    socket.on('data', (chunk) => {
      const before = bytes;
      bytes += chunk.length;
      // The preface, settings and window come first; what is behind them is the request.
      if (before > 0 && bytes > 100) socket.write(Buffer.concat(frames.splice(0)));
    });
  });
  return `http://127.0.0.1:${await listen(t, server)}`;
}

for (const [name, code] of [
  ['INTERNAL_ERROR', 2],
  ['CANCEL', 8],
] as const)
  test(`an answer that is reset with ${name} is cut, and never passes for a whole one`, async (t) => {
    const origin = await startFrames(t, ok, frame(0, 0, 1, Buffer.from('half')), resetWith(code));
    const { port, outcomes } = await startForwarder(t, over(origin));
    const answer = await get(port, '/');
    t.true(answer.includes('half'), answer);
    t.false(answer.includes('0\r\n\r\n'), answer);
    t.is(outcomes[0]?.kind, 'failed');
  });

test('an upstream that speaks no HTTP/2, resets, refuses or says nothing is a failed one', async (t) => {
  const plain = createTcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const cases: readonly (readonly [string, RegExp])[] = [
    [`http://127.0.0.1:${await listen(t, plain)}`, /^HTTP\/1\.1 502 /],
    [await startFrames(t, resetWith(2)), /^HTTP\/1\.1 502 /],
    [(await startHttp2(t, (stream) => stream.close(7))).origin, /^HTTP\/1\.1 502 /],
    ['http://127.0.0.1:1', /^HTTP\/1\.1 502 /],
  ];
  for (const [origin, expected] of cases) {
    const { port } = await startForwarder(t, over(origin));
    t.regex(await get(port, '/'), expected, origin);
  }
  const silent = await startHttp2(t, () => undefined);
  const timeouts = { firstByte: '100ms' };
  const { port } = await startForwarder(t, routeTo({ targets: silent.origin, http2: true, timeouts }));
  t.regex(await get(port, '/'), /^HTTP\/1\.1 504 /);
  const upload = request('POST', '/', [`Content-Length: ${16 * 1024 * 1024}`], 'x'.repeat(4 * 1024 * 1024));
  t.regex(await exchange(port, upload, /\r\n\r\n/), /^HTTP\/1\.1 504 /, 'an upstream that takes no more');
  const mute = createTcpServer(() => undefined);
  const origin = `http://127.0.0.1:${await listen(t, mute)}`;
  const other = await startForwarder(t, routeTo({ targets: origin, http2: true, timeouts: { connect: '100ms' } }));
  t.regex(await get(other.port, '/'), /^HTTP\/1\.1 504 /);
});

test('a connection that goes away finishes what it has; the next request gets another one', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const upstream = await startHttp2(t, (stream, headers) => {
    if (headers[':path'] === '/slow') held.push(stream);
    else {
      stream.respond({ ':status': 200 });
      stream.end('quick');
    }
  });
  const { port } = await startForwarder(t, over(upstream.origin));
  const slow = get(port, '/slow');
  await eventually(() => held.length === 1);
  upstream.sessions[0]?.goaway(0);
  t.true((await get(port, '/')).includes('quick'));
  t.is(upstream.sessions.length, 2);
  held[0]?.respond({ ':status': 200 });
  held[0]?.end('slow');
  t.true((await slow).includes('slow'));
});

test('a visitor who leaves resets the stream alone; the connection and its other streams go on', async (t) => {
  const held: ServerHttp2Stream[] = [];
  const upstream = await startHttp2(t, (stream) => held.push(stream));
  const { port, outcomes } = await startForwarder(t, over(upstream.origin));
  const socket = connect(port, '127.0.0.1');
  socket.write(request('GET', '/'));
  const other = get(port, '/other');
  await eventually(() => held.length === 2);
  const [left] = held;
  socket.destroy();
  await eventually(() => left!.closed);
  t.is(left!.rstCode, 8);
  held[1]?.respond({ ':status': 200 });
  held[1]?.end('stays');
  t.true((await other).includes('stays'));
  t.is(upstream.sessions.length, 1);
  t.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['answered', 'client-gone']);
});

test('a slow visitor holds the upstream back, and a slow upstream the visitor', async (t) => {
  let poured = 0;
  const upstream = await startHttp2(t, (stream, headers) => {
    if (headers[':method'] === 'POST') return;
    stream.respond({ ':status': 200 });
    const pour = () => {
      while (!stream.destroyed && poured < 64 * 1024 * 1024) {
        poured += 65_536;
        if (!stream.write(Buffer.alloc(65_536))) return;
      }
    };
    stream.on('drain', pour);
    pour();
  });
  const { port } = await startForwarder(t, over(upstream.origin));
  const stands = async (figure: () => number): Promise<number> => {
    let last = -1;
    let still = 0;
    await eventually(() => {
      still = figure() === last ? still + 1 : 0;
      last = figure();
      return last > 0 && still > 40;
    }, 'it stands still');
    return last;
  };
  const reader = connect(port, '127.0.0.1');
  t.teardown(() => reader.destroy());
  reader.once('data', () => reader.pause());
  reader.write(request('GET', '/'));
  t.true((await stands(() => poured)) < 16 * 1024 * 1024);
  const writer = connect(port, '127.0.0.1');
  t.teardown(() => writer.destroy());
  writer.write(request('POST', '/', [`Content-Length: ${64 * 1024 * 1024}`]));
  const push = () => {
    while (writer.bytesWritten + writer.writableLength < 64 * 1024 * 1024 && writer.write(Buffer.alloc(65_536)));
  };
  writer.on('drain', push);
  push();
  t.true((await stands(() => writer.bytesWritten)) < 16 * 1024 * 1024);
  for (const session of upstream.sessions) session.destroy();
});

test('an answer that comes before the upload has ended arrives, and the rest is not wanted', async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const upstream = await startHttp2(t, (stream) => {
    streams.push(stream);
    stream.respond({ ':status': 413 });
    stream.end('too much');
  });
  const { port } = await startForwarder(t, over(upstream.origin));
  const answer = await exchange(
    port,
    request('POST', '/', ['Content-Length: 100000'], 'x'.repeat(1_000)),
    /too much[^]*0\r\n\r\n$/,
  );
  t.regex(answer, /^HTTP\/1\.1 413 /);
  await eventually(() => streams[0]!.closed, 'the stream is over');
});

test('a visitor who leaves in mid-upload is not taken for one who is done', async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const upstream = await startHttp2(t, (stream) => streams.push(stream.resume()));
  const { port } = await startForwarder(t, over(upstream.origin));
  const socket = connect(port, '127.0.0.1');
  socket.write(request('POST', '/', ['Transfer-Encoding: chunked']) + '5\r\nhalf,\r\n');
  await eventually(() => streams.length === 1);
  socket.destroy();
  await eventually(() => streams[0]!.closed);
  t.true(streams[0]!.aborted);
});

test('HTTP/2 over a unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-h2-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const server = createServer((incoming, response) => response.end(`${incoming.authority} ${incoming.url}`));
  await new Promise<void>((resolve) => server.listen(join(folder, 'app.sock'), resolve));
  t.teardown(() => void server.close());
  const { port } = await startForwarder(t, over(`unix:${join(folder, 'app.sock')}`));
  t.true((await get(port, '/x')).includes('app.test /x'));
});

test('a connection that dies takes its requests along: what is safe goes out once more, what is not is 502', async (t) => {
  const seen: string[] = [];
  const upstream = await startHttp2(t, (stream, headers) => {
    const asked = `${String(headers[':method'])} ${String(headers[':path'])}`;
    const isFirst = !seen.includes(asked);
    seen.push(asked);
    if (isFirst && asked.endsWith('/dies')) stream.session?.destroy();
    else {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    }
  });
  const { port } = await startForwarder(t, over(upstream.origin));
  t.regex(await get(port, '/'), /^HTTP\/1\.1 200 /);
  t.regex(await get(port, '/dies'), /^HTTP\/1\.1 200 /);
  t.regex(await exchange(port, request('DELETE', '/dies')), /^HTTP\/1\.1 502 /);
  t.deepEqual(seen, ['GET /', 'GET /dies', 'GET /dies', 'DELETE /dies']);
});

test('a connection that says nothing any more is given up, not used for ever', async (t) => {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.once('data', () => socket.write(Buffer.concat(settings)));
  });
  const targets = `http://127.0.0.1:${await listen(t, server)}`;
  const { port } = await startForwarder(t, routeTo({ targets, http2: true, timeouts: { firstByte: '500ms' } }));
  t.regex(await get(port, '/'), /^HTTP\/1\.1 504 /);
  await eventually(() => sockets[0]!.destroyed, 'the dead connection is closed');
});

test('an answer in which nothing moves is cut after the idle time', async (t) => {
  const upstream = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half');
  });
  const timeouts = { idle: '100ms' };
  const { port, outcomes } = await startForwarder(t, routeTo({ targets: upstream.origin, http2: true, timeouts }));
  const answer = await get(port, '/');
  t.true(answer.includes('half'));
  t.false(answer.endsWith('0\r\n\r\n'));
  t.is(outcomes[0]?.kind, 'failed');
});

test('health checks speak HTTP/2 too', async (t) => {
  const seen: string[] = [];
  const upstream = await startHttp2(t, (stream, headers) => {
    seen.push(String(headers[':path']));
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  const healthCheck = { path: '/healthz', interval: '1s' };
  const { port } = await startForwarder(t, routeTo({ targets: upstream.origin, http2: true, healthCheck }));
  await eventually(() => seen.includes('/healthz'), 'the check');
  t.regex(await get(port, '/'), /^HTTP\/1\.1 200 /);
});

test('answers without a body, and bodies that are not as long as they said, stay in step', async (t) => {
  const upstream = await startHttp2(t, (stream, headers) => {
    const status = Number(/\d+/.exec(String(headers[':path']))?.[0] ?? 200);
    const length = String(headers[':path']).startsWith('/short') ? { 'content-length': '10' } : {};
    stream.respond({ ':status': status, 'x-word': 'here', ...length });
    stream.end(status === 200 ? 'word' : undefined);
  });
  const { port, outcomes } = await startForwarder(t, over(upstream.origin));
  for (const [method, path] of [
    ['HEAD', '/200'],
    ['GET', '/204'],
    ['GET', '/304'],
  ] as const) {
    const answer = await exchange(port, request(method, path));
    t.is(answer.slice(9, 12), path.slice(1));
    t.true(answer.includes('x-word: here'), answer);
    t.true(answer.endsWith('\r\n\r\n'), answer);
  }
  t.true(outcomes.every(({ kind }) => kind === 'answered'));
  const short = await get(port, '/short');
  t.false(short.includes('HTTP/1.1 200') && short.includes('word') && outcomes.at(-1)?.kind === 'answered', short);
  t.is(outcomes.at(-1)?.kind, 'failed');
});

test('visitors who come and go leave no stream and no connection behind', async (t) => {
  let open = 0;
  const upstream = await startHttp2(t, (stream, headers) => {
    open += 1;
    stream.once('close', () => (open -= 1));
    if (headers[':method'] === 'POST') stream.resume();
    if (headers[':path'] === '/answers') {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    }
  });
  const { port, outcomes } = await startForwarder(t, over(upstream.origin));
  const visits = Array.from({ length: 150 }, async (_, index) => {
    if (index % 3 === 0) return get(port, '/answers');
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const half = request('POST', '/', ['Content-Length: 1000'], 'half');
    socket.write(index % 3 === 1 ? request('GET', '/waits') : half);
    await new Promise((resolve) => setTimeout(resolve, index));
    socket.destroy();
    return '';
  });
  const answers = (await Promise.all(visits)).filter((answer) => answer.startsWith('HTTP/1.1 200'));
  t.is(answers.length, 50);
  await eventually(() => open === 0 && outcomes.length >= 50 && upstream.sessions.length <= 8, 'all is over');
  t.true((await get(port, '/answers')).includes('ok'));
});

test('a body goes whole to another target when the first one is not there, or speaks no HTTP/2', async (t) => {
  const upstream = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const plain = createTcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const targets = ['http://127.0.0.1:1', `http://127.0.0.1:${await listen(t, plain)}`, upstream.origin];
  const { port } = await startForwarder(t, routeTo({ targets, http2: true }));
  for (let round = 0; round < 3; round += 1) {
    const answer = await exchange(port, request('POST', '/', ['Content-Length: 5'], 'whole'));
    t.regex(answer, /^HTTP\/1\.1 200 [^]*whole/);
  }
});
