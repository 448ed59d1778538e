import { once } from 'node:events';
import { constants } from 'node:http2';
import test from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { flags, frame, frameTypes, headerBlock, speakFrames } from '../../support/http2-frames.ts';
import { poll } from '../../support/gateway.ts';
import { writes } from '../../support/upstream.ts';
import { askHttp2, openHttp2, openTls, startTls } from './support.ts';

const run = hasOpenssl ? test : test.skip;

const valuesOf = (headers: readonly (readonly [string, string])[], name: string): readonly string[] =>
  headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);

run('brings a request of HTTP/2 to the upstream as HTTP/1.1 says it', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const answer = await askHttp2(
    session,
    { ':method': 'POST', ':authority': 'app.test', ':path': '/a%20b?c=d%2F', 'x-one': '1', te: 'trailers' },
    'body',
  );
  t.is(answer.status, 200);
  const [request] = fixture.up.requests;
  t.is(request?.method, 'POST');
  t.is(request?.target, '/a%20b?c=d%2F');
  t.is(request?.body.toString(), 'body');
  const headers = request?.headers ?? [];
  t.deepEqual(valuesOf(headers, 'host'), ['app.test']);
  t.deepEqual(valuesOf(headers, 'x-one'), ['1']);
  t.deepEqual(valuesOf(headers, 'x-forwarded-proto'), ['https']);
  t.deepEqual(valuesOf(headers, 'transfer-encoding'), ['chunked']);
  t.deepEqual(valuesOf(headers, 'te'), []);
  t.deepEqual(
    headers.filter(([name]) => name.startsWith(':')),
    [],
  );
  t.deepEqual(fixture.up.faults, []);
});

run('keeps a length that the visitor gave, and sends none where there is no body', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  await askHttp2(session, { ':method': 'PUT', ':path': '/a', 'content-length': '4' }, 'body');
  await askHttp2(session, { ':method': 'MKCOL', ':path': '/b' });
  const [put, mkcol] = fixture.up.requests;
  t.deepEqual(valuesOf(put?.headers ?? [], 'content-length'), ['4']);
  t.is(put?.body.toString(), 'body');
  t.deepEqual(valuesOf(mkcol?.headers ?? [], 'transfer-encoding'), []);
});

run('joins the crumbs of a cookie', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  await askHttp2(session, { ':path': '/', cookie: ['a=1', 'b=2; c=3', 'd=4'] });
  t.deepEqual(valuesOf(fixture.up.requests[0]?.headers ?? [], 'cookie'), ['a=1; b=2; c=3; d=4']);
});

run('brings answers back without what only a connection of HTTP/1.1 has, doubles and trailers intact', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  fixture.up.script(
    '/',
    writes(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n' +
        'HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n' +
        'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Text: caf\u00e9\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n',
    ),
  );
  const answer = await askHttp2(session, { ':path': '/' });
  t.is(answer.status, 200);
  t.is(answer.body.toString(), 'hello');
  t.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  t.is(answer.headers['x-text'], 'caf\u00e9');
  for (const name of ['connection', 'x-hop', 'keep-alive', 'transfer-encoding']) t.is(answer.headers[name], undefined);
  t.is(answer.trailers['x-sum'], '5');
  t.is(Number(answer.interim[0]?.[':status']), 103);
  t.is(answer.interim[0]?.['link'], '</a.css>; rel=preload');
});

run('answers HEAD, 204 and 304 without a body', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  fixture.up.script('/head', writes('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'));
  fixture.up.script('/none', writes('HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n'));
  fixture.up.script('/same', writes('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'));
  const head = await askHttp2(session, { ':method': 'HEAD', ':path': '/head' });
  t.is(head.headers['content-length'], '1000');
  t.is(head.body.length, 0);
  t.is((await askHttp2(session, { ':path': '/none' })).status, 204);
  t.is((await askHttp2(session, { ':path': '/same' })).headers['etag'], '"x"');
});

run('asks for the body with 100 once the upstream wants it', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const stream = session.request({ ':method': 'POST', ':path': '/', expect: '100-continue' }, { endStream: false });
  await once(stream, 'continue');
  stream.end('late');
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  t.is(headers[':status'], 200);
  stream.resume();
  await once(stream, 'close');
  t.is(fixture.up.requests[0]?.body.toString(), 'late');
  t.deepEqual(valuesOf(fixture.up.requests[0]?.headers ?? [], 'expect'), []);
});

run('answers early and takes no more of the body', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  fixture.up.script('/', writes('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'), 'head');
  const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  stream.write(Buffer.alloc(1024));
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  t.is(headers[':status'], 413);
  await once(stream, 'close');
  t.is(Buffer.concat(chunks).toString(), 'big');
  t.is(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  t.is((await askHttp2(session, { ':path': '/next' })).status, 200);
});

run('streams both ways with backpressure, many at once on one connection', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const block = Buffer.alloc(64 * 1024, 'x');
  const size = block.length * 64;
  fixture.up.script('/big', (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(size)}\r\n\r\n`);
    for (let count = 0; count < 64; count += 1) socket.write(block);
    return { kind: 'taken' };
  });
  const many = Array.from({ length: 60 }, (_, index) => askHttp2(session, { ':path': `/${String(index)}` }));
  const big = askHttp2(session, { ':path': '/big' });
  const upload = askHttp2(session, { ':method': 'POST', ':path': '/up' }, Buffer.concat(Array<Buffer>(64).fill(block)));
  for (const [index, answer] of (await Promise.all(many)).entries())
    t.is(answer.body.toString(), `ok GET /${String(index)}`);
  t.is((await big).body.length, size);
  t.is((await upload).status, 200);
  t.is(fixture.up.requests.find(({ target }) => target === '/up')?.body.length, size);
});

run(
  'aborts the upstream when the visitor resets the stream, and resets the stream when the upstream breaks',
  async (t) => {
    const fixture = await startTls(t);
    const session = openHttp2(t, fixture);
    fixture.up.script('/hang', () => ({ kind: 'taken' }));
    const hanging = session.request({ ':path': '/hang' });
    hanging.on('error', () => undefined);
    await poll(() => fixture.up.requests.length === 1);
    hanging.close(constants.NGHTTP2_CANCEL);
    await poll(() => fixture.up.openSockets() === 0);
    fixture.up.script('/break', (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.destroy());
      return { kind: 'taken' };
    });
    await t.throwsAsync(askHttp2(session, { ':path': '/break' }));
    t.is((await askHttp2(session, { ':path': '/next' })).status, 200);
  },
);

for (const [name, code] of [
  ['CANCEL', constants.NGHTTP2_CANCEL],
  ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
] as const)
  run(
    `a request that is reset with ${name} in the middle of its body does not reach the upstream as a whole`,
    async (t) => {
      const fixture = await startTls(t);
      const client = speakFrames(await openTls(t, fixture, { ALPNProtocols: ['h2'] }));
      const head = headerBlock([
        [':method', 'POST'],
        [':scheme', 'https'],
        [':authority', 'app.test'],
        [':path', '/'],
      ]);
      client.write(
        frame(frameTypes.headers, flags.endHeaders, 1, head),
        frame(frameTypes.data, 0, 1, Buffer.from('half')),
      );
      await poll(() => fixture.up.byteCount() > 0);
      client.write(frame(frameTypes.rstStream, 0, 1, Buffer.from([0, 0, 0, code])));
      await poll(() => fixture.up.openSockets() === 0);
      t.deepEqual(fixture.up.requests, []);
      t.deepEqual(fixture.up.faults, []);
    },
  );

run('serves our own pages over HTTP/2', async (t) => {
  const fixture = await startTls(t, { routes: (upstream) => [{ upstream, access: 'signed-in' }] });
  const session = openHttp2(t, fixture);
  const html = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
  const challenge = await askHttp2(session, { ':path': '/private', ...html });
  t.is(challenge.status, 302);
  t.regex(challenge.headers['location'] ?? '', /^https:\/\/app\.test\/_auth\/sign-in\?/);
  t.truthy(challenge.headers['strict-transport-security']);
  const page = await askHttp2(session, { ':path': '/_auth/sign-in', ...html });
  t.is(page.status, 200);
  t.regex(page.body.toString(), /<form/);
  const cookie = (page.headers['set-cookie'] ?? []).map((line) => line.split(';')[0] ?? '');
  const form = await askHttp2(
    session,
    {
      ':method': 'POST',
      ':path': '/_auth/sign-in',
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://app.test',
      cookie,
    },
    'username=nobody&password=wrong',
  );
  t.true(form.status >= 400 && form.status < 500, String(form.status));
});

run('finishes what runs when it drains, and takes nothing more', async (t) => {
  const fixture = await startTls(t, { server: { drainTimeout: '20s' } });
  const session = openHttp2(t, fixture);
  let answer: (() => void) | undefined;
  fixture.up.script('/slow', (_request, socket) => {
    answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow');
    return { kind: 'taken' };
  });
  const slow = askHttp2(session, { ':path': '/slow' });
  await poll(() => answer !== undefined);
  const stopped = fixture.gateway.stop();
  await once(session, 'goaway');
  answer?.();
  t.is((await slow).body.toString(), 'slow');
  await stopped;
});

run('answers that can not be written in HTTP/2 are the upstream\u2019s fault, and nothing breaks', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const answers = {
    '/trailer':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nConnection: x\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n',
    '/hop':
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nHTTP2-Settings: x\r\nTE: trailers\r\nProxy-Connection: close\r\n\r\nok',
    '/length': 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n',
  };
  for (const [path, bytes] of Object.entries(answers)) fixture.up.script(path, writes(bytes));
  const trailer = await askHttp2(session, { ':path': '/trailer' });
  t.is(trailer.body.toString(), 'ok');
  t.is(trailer.trailers['x-sum'], '1, 2');
  t.is(trailer.trailers['connection'], undefined);
  const hop = await askHttp2(session, { ':path': '/hop' });
  t.is(hop.body.toString(), 'ok');
  t.is(hop.headers['te'], undefined);
  t.is((await askHttp2(session, { ':path': '/length' })).status, 205);
});

run(
  'refuses a body over the limit of its route, announced or not, and goes on; routes answer by themselves',
  async (t) => {
    const fixture = await startTls(t, {
      routes: (origin) => [
        { upstream: origin, access: 'public', maxBodySize: '1KiB' },
        { path: '/old', redirect: { to: '/new', keepPath: true }, access: 'public' },
      ],
    });
    const session = openHttp2(t, fixture);
    const post = { ':method': 'POST', ':authority': 'app.test', ':path': '/x' };
    const body = 'x'.repeat(2_000);
    const announced = await askHttp2(session, { ...post, 'content-length': '2000' }, body);
    t.is(announced.status, 413);
    t.is((await askHttp2(session, post, body)).status, 413);
    t.is(fixture.up.requests.length, 0);
    t.is((await askHttp2(session, post, 'small')).status, 200);
    const moved = await askHttp2(session, { ':authority': 'app.test', ':path': '/old//evil.test?a' });
    t.is(moved.status, 302);
    t.is(moved.headers.location, '/new/evil.test?a');
  },
);
