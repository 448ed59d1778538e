import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { CanonicalPath } from '../../../src/request/facts.ts';
import {
  eventually,
  exchange,
  get,
  listen,
  request,
  routeTo,
  startForwarder,
  startRecorder,
  values,
} from './support.ts';

async function startUpstream(t: ExecutionContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer({ requestTimeout: 0 }, listener))}`;
}

function bodyOf(message: string): string {
  return message.slice(message.indexOf('\r\n\r\n') + 4);
}

test('passes an answer on as it is, less what only we may set', async (t) => {
  const up = await startRecorder(
    t,
    [
      'HTTP/1.1 418 Short And Stout',
      'x-CaSe: One',
      'Set-Cookie: a=1; Path=/',
      'Set-Cookie: gw=evil; Path=/; Domain=app.test',
      'set-cookie:   GW =evil',
      'Set-Cookie: __Host-gw.0=evil',
      'Set-Cookie: =gw=evil',
      'Set-Cookie: gw',
      'Set-Cookie: b=gw=1',
      'Connection: close, X-Secret',
      'X-Secret: s',
      'Keep-Alive: timeout=9',
      'Proxy-Authenticate: Basic',
      'Upgrade: h2c',
      'Content-Security-Policy: default-src *',
      'Server: up',
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'Content-Length: 2',
      '',
      'ok',
    ].join('\r\n'),
  );
  const gateway = await startForwarder(t, routeTo(up.origin));
  const answer = await get(gateway.port, '/');
  t.true(answer.startsWith('HTTP/1.1 418 Short And Stout\r\nx-CaSe: One\r\nSet-Cookie: a=1; Path=/\r\n'), answer);
  t.deepEqual(values(answer, 'set-cookie'), ['a=1; Path=/', 'b=gw=1']);
  t.false(/evil|x-secret|timeout=9|proxy-auth|h2c/i.test(answer), answer);
  t.deepEqual(values(answer, 'connection'), ['close']);
  t.deepEqual(values(answer, 'date'), ['Thu, 01 Jan 1970 00:00:00 GMT']);
  t.deepEqual(values(answer, 'content-security-policy'), ['default-src *']);
  t.is(bodyOf(answer), 'ok');
  t.deepEqual(gateway.outcomes, [{ kind: 'answered', status: 418, bodyBytes: 2 }]);
});

test('makes an answer private that carries a cookie of ours', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => {
    const control = incoming.url === '/none' ? undefined : incoming.url?.slice(1).replaceAll('+', ' ');
    response.writeHead(200, control === undefined ? {} : { 'Cache-Control': control }).end();
  });
  const gateway = await startForwarder(t, routeTo(upstream), { setCookies: ['gw=1; HttpOnly', 'gw-form=; Max-Age=0'] });
  const ask = async (path: string) => get(gateway.port, path);
  t.deepEqual(values(await ask('/public,max-age=9,s-maxage=99'), 'cache-control'), ['max-age=9', 'private']);
  t.deepEqual(values(await ask('/public'), 'cache-control'), ['private']);
  t.deepEqual(values(await ask('/none'), 'cache-control'), ['private']);
  t.deepEqual(values(await ask('/no-store'), 'cache-control'), ['no-store']);
  t.deepEqual(values(await ask('/none'), 'set-cookie'), ['gw=1; HttpOnly', 'gw-form=; Max-Age=0']);
});

test('an answer without a body may announce trailers that never come', async (t) => {
  const up = await startRecorder(t, (text) => {
    if (text.includes('/204')) return 'HTTP/1.1 204 No Content\r\nTrailer: X-Sum\r\n\r\n';
    if (text.includes('/304')) return 'HTTP/1.1 304 Not Modified\r\nTrailer: X-Sum\r\n\r\n';
    return 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n';
  });
  const gateway = await startForwarder(t, routeTo(up.origin));
  t.regex(await exchange(gateway.port, request('HEAD', '/')), /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(await exchange(gateway.port, request('GET', '/204')), /^HTTP\/1\.1 204 No Content\r\n/);
  t.regex(await exchange(gateway.port, request('GET', '/304')), /^HTTP\/1\.1 304 Not Modified\r\n/);
});

test('fits Location and cookie paths on a route without its prefix', async (t) => {
  const up = await startRecorder(
    t,
    'HTTP/1.1 302 Found\r\nLocation: /login?x\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n',
  );
  const gateway = await startForwarder(t, routeTo(up.origin, { path: '/app' as CanonicalPath, upstreamPath: '/' }));
  const answer = await get(gateway.port, '/app/x');
  t.deepEqual(values(answer, 'location'), ['/app/login?x']);
  t.deepEqual(values(answer, 'set-cookie'), ['a=1; Path=/app']);
});

test('keeps HEAD, 204 and 304 without a body and the connection in step', async (t) => {
  const up = await startRecorder(t, (text) => {
    if (text.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nWRONG';
    if (text.includes('/204')) return 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nWRONG';
    if (text.includes('/304')) return 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5\r\n\r\nWRONG';
    return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  });
  const gateway = await startForwarder(t, routeTo(up.origin));
  const line = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`;
  const answer = await exchange(
    gateway.port,
    line('HEAD', '/') + line('GET', '/204') + line('GET', '/304') + line('HEAD', '/') + request('GET', '/last'),
  );
  t.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), [
    'HTTP/1.1 200',
    'HTTP/1.1 204',
    'HTTP/1.1 304',
    'HTTP/1.1 200',
    'HTTP/1.1 200',
  ]);
  t.false(answer.includes('WRONG'));
  t.true(answer.endsWith('\r\n\r\nok'));
});

test('relays early hints and the trailers of an answer', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.writeProcessing();
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.writeHead(200, { Trailer: 'X-Sum, Set-Cookie' });
    response.write('body');
    response.addTrailers({ 'X-Sum': 'abc', 'Set-Cookie': 'gw=evil' });
    response.end();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const answer = await get(gateway.port, '/', 'TE: trailers');
  t.regex(
    answer,
    /^HTTP\/1\.1 102 .*\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nLink: <\/style\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200 /,
  );
  t.true(answer.endsWith('4\r\nbody\r\n0\r\nX-Sum: abc\r\n\r\n'), answer);
});

test('survives an announced trailer that never comes, and one that can not be sent', async (t) => {
  const up = await startRecorder(t, 'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok');
  const gateway = await startForwarder(t, routeTo(up.origin));
  t.true((await get(gateway.port, '/', 'Trailer: x')).endsWith('ok'));
  const old = await exchange(gateway.port, 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  t.true(old.endsWith('ok'));
});

test('sends the head and each event of a stream at once', async (t) => {
  let emit: (text: string) => void = () => undefined;
  let gone = false;
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    emit = (text) => response.write(text);
    response.on('close', () => (gone = true));
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const socket = connect(gateway.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.write(request('GET', '/events'));
  await eventually(() => text.includes('text/event-stream'), 'the head');
  emit('data: 1\n\n');
  await eventually(() => text.includes('data: 1'), 'the first event');
  emit('data: 2\n\n');
  await eventually(() => text.includes('data: 2'), 'the second event');
  socket.destroy();
  await eventually(() => gone, 'the end at the upstream');
  await eventually(() => gateway.outcomes.length === 1);
  t.deepEqual(gateway.outcomes, [{ kind: 'client-gone' }]);
});

test('answers HTTP/1.0 without chunks, and cuts half an answer so that it can not pass for whole', async (t) => {
  let break_ = false;
  const upstream = await startUpstream(t, (_incoming, response) => {
    response.write('half');
    if (break_) setImmediate(() => response.destroy());
    else response.end();
  });
  const gateway = await startForwarder(t, routeTo(upstream));
  const whole = await exchange(gateway.port, 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  t.is(bodyOf(whole), 'half');
  break_ = true;
  const error = await new Promise<Error | null>((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket
      .on('error', resolve)
      .on('end', () => resolve(null))
      .resume();
    socket.write('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  });
  t.regex(String(error), /ECONNRESET/);
  const chunked = await get(gateway.port, '/');
  t.false(chunked.endsWith('0\r\n\r\n'));
  t.is(gateway.outcomes.filter((outcome) => outcome.kind === 'failed' && outcome.responseStarted).length, 2);
});

const malformed: Record<string, string> = {
  'Content-Length with chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
  'a bad length': 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc',
  'bad header bytes': 'HTTP/1.1 200 OK\r\nX\x01Y: 1\r\nContent-Length: 0\r\n\r\n',
  'a bad value': 'HTTP/1.1 200 OK\r\nX-Y: a\0b\r\nContent-Length: 0\r\n\r\n',
  'a DEL in a value': 'HTTP/1.1 200 OK\r\nX-Y: a\x7fb\r\nContent-Length: 0\r\n\r\n',
  'bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a bare line feed in the head': 'HTTP/1.1 200 OK\r\nX-A: 1\nSet-Cookie: gw=1\r\nContent-Length: 0\r\n\r\n',
  'a bare carriage return': 'HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 0\r\n\r\n',
  'a folded header': 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\tgw=1\r\nContent-Length: 0\r\n\r\n',
  'status 999': 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n',
  'status 99': 'HTTP/1.1 99 What\r\nContent-Length: 0\r\n\r\n',
  'an unasked 101': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'a bare 101': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'a large head': `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`,
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.2\r\n',
  'a hidden chunk size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
};

for (const [what, bytes] of Object.entries(malformed)) {
  test(`refuses an answer with ${what}`, async (t) => {
    const up = await startRecorder(t, (_text, socket) => {
      socket.end(bytes, 'latin1');
      return null;
    });
    const gateway = await startForwarder(t, routeTo(up.origin));
    const answer = await get(gateway.port, '/');
    t.true(answer.startsWith('HTTP/1.1 502 '), answer);
    t.true(answer.includes('refused upstream-'));
    t.false(/gw=1|X-Large|X-A/.test(answer), answer);
  });
}

test('never gives one visitor what belongs to another connection', async (t) => {
  const up = await startRecorder(
    t,
    (text) =>
      `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${text.split(' ')[1] ?? ''}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL`,
  );
  const gateway = await startForwarder(t, routeTo(up.origin));
  for (const path of ['/one', '/two', '/six']) {
    const answer = await get(gateway.port, path);
    t.is(bodyOf(answer), path);
  }
});

test('cuts an answer that is shorter than it said', async (t) => {
  const up = await startRecorder(t, (_text, socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort');
    return null;
  });
  const gateway = await startForwarder(t, routeTo(up.origin));
  const answer = await get(gateway.port, '/');
  t.deepEqual(values(answer, 'content-length'), ['10']);
  t.is(gateway.outcomes[0]?.kind, 'failed');
});

test('keeps bytes beyond ASCII in a head that comes long before its body', async (t) => {
  const up = await startRecorder(t, (_text, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Word: caf\xe9\r\nContent-Length: 2\r\n\r\n', 'latin1');
    return null;
  });
  const gateway = await startForwarder(t, routeTo(up.origin));
  const head = await exchange(gateway.port, request('GET', '/'), /\r\n\r\n$/);
  t.deepEqual(values(head, 'x-word'), ['caf\xe9']);
});
