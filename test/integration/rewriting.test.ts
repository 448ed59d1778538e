import test from 'ava';
import { startTestGateway } from '../support/gateway.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { startUpstream, writes } from '../support/upstream.ts';

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`;
const get = (target: string, ...headers: string[]): string =>
  lines(`GET ${target} HTTP/1.1`, 'Host: app.test', ...headers);
const webSocket = [
  ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

async function setScene(end: (teardown: () => Promise<void>) => void) {
  const upstream = await startUpstream();
  end(upstream.stop);
  const common = { upstream: upstream.origin, access: 'public' };
  const gateway = await startTestGateway({
    users: 'users: {}\n',
    config: {
      server: { publicUrl: 'https://app.test' },
      identity: { headers: 'remote' },
      routes: [
        {
          ...common,
          path: '/wiki',
          upstreamPath: '/apps/wiki',
          requestHeaders: {
            set: { 'X-Api-Key': 'k1', Authorization: 'Bearer app', 'X-Forwarded-Prefix': '/wiki' },
            remove: ['Accept-Language'],
          },
          responseHeaders: { set: { 'Cache-Control': 'private' }, remove: ['Server', 'X-Debug'] },
        },
        { ...common, path: '/small', maxBodySize: '1KiB' },
        { path: '/old', redirect: { to: 'https://new.test/docs', status: 308, keepPath: true }, access: 'public' },
        { path: '/members', redirect: 'https://members.test/' },
        { path: '/robots.txt', respond: { body: 'User-agent: *\n' }, access: 'public' },
        { path: '/gone', respond: { status: 410, body: 'gone', contentType: 'text/html' }, access: 'public' },
        { path: '/empty', respond: { status: 204 }, access: 'public' },
      ],
    },
  });
  end(gateway.stop);
  return { upstream, gateway };
}

test('an app is told what its route sets, and nothing of what it removes, in no spelling', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const forged = ['X-Api-Key: evil', 'x_api_key: evil', 'X.Api.Key: evil', 'Authorization: Basic evil'];
  const more = [
    'Accept-Language: de',
    'X-Forwarded-Prefix: //evil.test',
    'Connection: close, X-Api-Key, Authorization',
  ];
  await sendRaw(gateway.port, get('/wiki/x?q=1', ...forged, ...more));
  const [request] = upstream.requests;
  t.is(request?.target, '/apps/wiki/x?q=1');
  t.deepEqual(valuesOf(request!, 'x-api-key'), ['k1']);
  t.deepEqual(valuesOf(request!, 'authorization'), ['Bearer app']);
  t.deepEqual(valuesOf(request!, 'x-forwarded-prefix'), ['/wiki']);
  t.deepEqual(valuesOf(request!, 'accept-language'), []);
  t.false(request!.headers.some(([name, value]) => /evil/.test(value) || /api[_.]key/i.test(name)));
});

test('upgrades go the same way as requests: path and headers rewritten', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const { answers } = await sendRaw(gateway.port, get('/wiki/socket', ...webSocket, 'X-Api-Key: evil'));
  t.is(answers[0]?.status, 101);
  t.is(upstream.requests[0]?.target, '/apps/wiki/socket');
  t.deepEqual(valuesOf(upstream.requests[0]!, 'x-api-key'), ['k1']);
});

test('what the app answers is fitted to the visitor: URLs, cookies, headers of the route', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const { host } = new URL(upstream.origin);
  const answer = lines(
    'HTTP/1.1 302 Found',
    'Location: /apps/wiki/login',
    `Content-Location: http://${host}/apps/wiki/x`,
    'Refresh: 5; url=/apps/wiki/later',
    'Set-Cookie: a=1; Path=/apps/wiki; HttpOnly',
    'Set-Cookie: b=2; Path=/',
    'Set-Cookie: __Host-sallyport=evil; Path=/; Secure',
    'Server: Old/1.0',
    'X-Debug: on',
    'cache-control: public',
    'Content-Length: 0',
  );
  t.teardown(upstream.script('/apps/wiki/go', writes(answer)));
  const { answers } = await sendRaw(gateway.port, get('/wiki/go'));
  const [seen] = answers;
  t.is(valueOf(seen!, 'location'), '/wiki/login');
  t.is(valueOf(seen!, 'content-location'), 'https://app.test/wiki/x');
  t.is(valueOf(seen!, 'refresh'), '5; url=/wiki/later');
  t.deepEqual(valuesOf(seen!, 'set-cookie'), ['a=1; Path=/wiki; HttpOnly', 'b=2; Path=/wiki']);
  t.deepEqual(valuesOf(seen!, 'cache-control'), ['private']);
  for (const name of ['server', 'x-debug']) t.deepEqual(valuesOf(seen!, name), [], name);
});

test('C73 rewrite-inject: what a visitor writes is taken literally, and slashes that would stand first are refused', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  for (const path of ['/$1', '/$&', '/%24%26', '/{path}', '/%7Bpath%7D', '/\\1'.replace('\\', '%5B')]) {
    await sendRaw(gateway.port, get(`/wiki${path}`));
    t.is(upstream.requests.at(-1)?.target, `/apps/wiki${path}`);
  }
  const mark = upstream.mark();
  for (const path of ['/wiki//x', '/wiki/../x', '/wiki/%2e%2e/x', '/wiki/..;/x', '/wiki/%2f..%2fx']) {
    const { answers } = await sendRaw(gateway.port, get(path));
    t.is(answers[0]?.status, 400, path);
  }
  t.is(mark.bytes(), 0);
});

test('a route answers by itself, after its access rules', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const ask = async (method: string, target: string, ...headers: string[]) => {
    const text = lines(`${method} ${target} HTTP/1.1`, 'Host: app.test', ...headers);
    const { answers } = await sendRaw(gateway.port, text, { methods: [method] });
    return answers[0]!;
  };
  const moved = await ask('GET', '/old/a/b?c=d');
  t.is(moved.status, 308);
  t.is(valueOf(moved, 'location'), 'https://new.test/docs/a/b?c=d');
  t.is(valueOf(await ask('GET', '/old//evil.test'), 'location'), 'https://new.test/docs/evil.test');
  const robots = await ask('GET', '/robots.txt');
  t.is(robots.status, 200);
  t.is(robots.body.toString(), 'User-agent: *\n');
  t.is(valueOf(robots, 'content-type'), 'text/plain; charset=utf-8');
  const head = await ask('HEAD', '/robots.txt');
  t.is(valueOf(head, 'content-length'), '14');
  t.is(head.body.length, 0);
  t.is((await ask('POST', '/gone', 'Content-Length: 0')).status, 410);
  t.is((await ask('GET', '/empty')).status, 204);
  const stranger = await ask('GET', '/members', 'Accept: application/json');
  t.is(stranger.status, 401);
  t.is(valueOf(stranger, 'location'), undefined);
  t.is(upstream.byteCount(), 0);
});

test('an upgrade at a route without an upstream gets its plain answer and the end of the connection', async (t) => {
  const { gateway } = await setScene((end) => t.teardown(end));
  for (const [target, status] of [
    ['/old/x', 308],
    ['/robots.txt', 200],
    ['/members', 401],
  ] as const) {
    const { answers, closed } = await sendRaw(gateway.port, get(target, ...webSocket), { untilClosed: true });
    t.is(answers[0]?.status, status, target);
    t.true(closed, target);
  }
});

test('a body that is announced too large is refused before it is read, without 100 Continue', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const post = (...headers: string[]) => lines('POST /small/x HTTP/1.1', 'Host: app.test', ...headers);
  const { answers } = await sendRaw(gateway.port, post('Content-Length: 1025', 'Expect: 100-continue'), {
    methods: ['POST'],
  });
  t.is(answers[0]?.status, 413);
  t.is((JSON.parse(answers[0]!.body.toString()) as { reason: string }).reason, 'body-too-large');
  t.is(upstream.byteCount(), 0);
  const fitting = await sendRaw(gateway.port, post('Content-Length: 1024') + 'x'.repeat(1024), { methods: ['POST'] });
  t.is(fitting.answers[0]?.status, 200);
  t.is(upstream.requests[0]?.body.length, 1024);
});

test('a body in chunks is cut at the limit, and the connection stays in step', async (t) => {
  const { upstream, gateway } = await setScene((end) => t.teardown(end));
  const client = await openRaw(gateway.port);
  t.teardown(client.destroy);
  client.write(lines('POST /small/x HTTP/1.1', 'Host: app.test', 'Transfer-Encoding: chunked'));
  const chunk = `200\r\n${'y'.repeat(512)}\r\n`;
  client.write(chunk + chunk + chunk);
  const answer = await client.answer('POST');
  t.is(answer.status, 413);
  t.is(upstream.requests.length, 0);
  client.write(`${chunk}0\r\n\r\n${get('/small/y')}`);
  t.is((await client.answer('GET')).body.toString(), 'ok GET /small/y');
  t.true(gateway.logs().some((line) => line.includes('"body-too-large"')));
  t.false(gateway.logs().some((line) => line.includes('upstream.failed')));
});
