import test from 'ava';
import { createGrounds, settingOf } from '../support/attack-runner.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { writes, writesAndCloses } from '../support/upstream.ts';

const grounds = createGrounds(settingOf(import.meta.url));
test.after.always(() => grounds.stop());

const ok = (...headers: string[]) => `${['HTTP/1.1 200 OK', ...headers, 'Content-Length: 2'].join('\r\n')}\r\n\r\nok`;
const get = (target: string, ...headers: string[]) =>
  `${[`GET ${target} HTTP/1.1`, 'Host: app.test', ...headers].join('\r\n')}\r\n\r\n`;

test.serial('Q299 up-setcookie: cookies with a name of ours are dropped, all others stay as they are', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const ours = [
    '__Host-sallyport=evil; Path=/; Secure',
    '__host-SALLYPORT=evil; Path=/',
    '__Secure-sallyport=evil; Domain=app.test; Secure',
    'sallyport=evil',
    ' __Host-sallyport =evil',
    '__Host-sallyport=; Max-Age=0; Path=/; Secure',
    '__Host-sallyport-form=evil; Path=/; Secure',
    'sallyport-form=evil',
    '__Host-sallyport-target=evil; Path=/; Secure',
    '__Host-sallyport.0=evil; Path=/; Secure',
    '__Host-sallyport',
    '=__Host-sallyport=evil',
  ];
  const theirs = [
    'a=1; Path=/; HttpOnly',
    'b="x, y"; Expires=Wed, 21 Oct 2099 07:28:00 GMT',
    'sallyport2=keep',
    'x=sallyport=1',
    'a=2; Path=/x',
  ];
  const mixed = [ours.slice(0, 4), theirs.slice(0, 2), ours.slice(4), theirs.slice(2)].flat();
  t.teardown(
    upstream.script(
      '/public/cookies',
      writes(ok(...mixed.map((line) => `Set-Cookie: ${line}`), 'set-cookie: SALLYPORT=evil')),
    ),
  );
  const { answers } = await sendRaw(gateway.port, get('/public/cookies'));
  t.deepEqual(valuesOf(answers[0]!, 'set-cookie'), theirs);
});

test.serial('Q300 up-hop: hop-by-hop headers of the upstream end at the gateway', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const answer = ok(
    'Connection: keep-alive, X-Secret',
    'connection: x-OTHER',
    'X-Secret: s',
    'X-Other: s',
    'Keep-Alive: timeout=5, max=1000',
    'Proxy-Authenticate: Basic',
    'Proxy-Connection: keep-alive',
    'Trailer: X-Late',
    'Upgrade: h2c',
    'X-Stays: 1',
  );
  t.teardown(upstream.script('/public/hop', writes(answer)));
  const { answers } = await sendRaw(gateway.port, get('/public/hop'));
  for (const name of ['x-secret', 'x-other', 'proxy-authenticate', 'proxy-connection', 'upgrade']) {
    t.deepEqual(valuesOf(answers[0]!, name), [], name);
  }
  t.false(valuesOf(answers[0]!, 'keep-alive').some((value) => value.includes('1000')));
  t.false(valuesOf(answers[0]!, 'connection').some((value) => /secret|other/i.test(value)));
  t.is(valueOf(answers[0]!, 'x-stays'), '1');
});

test.serial('Q301 up-location: a redirect to the internal origin is fitted on an exact match only', async (t) => {
  const ground = await grounds.start({
    server: { publicUrl: 'https://app.test' },
    routes: [{ host: 'app.test', upstream: '{UP}', preserveHost: false, access: 'public' }],
  });
  t.teardown(ground.stop);
  const { gateway, upstream } = ground;
  const internal = upstream.origin;
  const cases: Readonly<Record<string, string>> = {
    [`${internal}/x?y=1`]: 'https://app.test/x?y=1',
    [`${internal}.evil.test/x`]: `${internal}.evil.test/x`,
    [`${internal}@evil.test/x`]: `${internal}@evil.test/x`,
    [`${internal}0/x`]: `${internal}0/x`,
    'https://elsewhere.test/x': 'https://elsewhere.test/x',
    '/plain': '/plain',
    relative: 'relative',
  };
  for (const [sent, expected] of Object.entries(cases)) {
    const untake = upstream.script(
      '/go',
      writes(`HTTP/1.1 302 Found\r\nLocation: ${sent}\r\nContent-Length: 0\r\n\r\n`),
    );
    const { answers } = await sendRaw(gateway.port, get('/go'));
    t.is(valueOf(answers[0]!, 'location'), expected, sent);
    untake();
  }
});

test.serial('Q302 up-accel: headers that only a web server acts on are not acted on', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const seen = upstream.mark();
  t.teardown(
    upstream.script(
      '/public/accel',
      writes(ok('X-Accel-Redirect: /private/x', 'X-Sendfile: /etc/passwd', 'Remote-User: admin')),
    ),
  );
  const { answers } = await sendRaw(gateway.port, get('/public/accel'));
  t.is(answers[0]?.status, 200);
  t.is(answers[0]?.body.toString(), 'ok');
  t.is(seen.requests().length, 1);
});

test.serial('Q303 up-nobody: an answer out of step never becomes the next one', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
  const answers: Readonly<Record<string, readonly [method: string, bytes: string]>> = {
    '204 with a body': ['GET', `HTTP/1.1 204 No Content\r\nContent-Length: ${String(evil.length)}\r\n\r\n${evil}`],
    '304 with a body': ['GET', `HTTP/1.1 304 Not Modified\r\n\r\n${evil}`],
    'HEAD with a body': ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: ${String(evil.length)}\r\n\r\n${evil}`],
    'long length': ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'],
    'short length': ['GET', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${evil}`],
    'cut chunks': ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel'],
    'broken chunks': ['GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n'],
  };
  for (const [name, [method, bytes]] of Object.entries(answers)) {
    const untake = upstream.script('/public/odd', writesAndCloses(bytes));
    const client = await openRaw(gateway.port);
    client.write(`${method} /public/odd HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    const first = await client.answer(method).catch(() => null);
    if (first !== null && first.status < 500) t.false(first.body.toString().includes('EVIL'), name);
    if (['long length', 'cut chunks', 'broken chunks'].includes(name)) {
      t.true(first === null || first.status === 502, `${name}: an unfinished answer is told as such`);
      t.true(await client.closed(), name);
    }
    client.write(get('/public/next'));
    const second = await client.answer().catch(() => null);
    if (second === null) t.true(client.isClosed(), name);
    else t.is(second.body.toString(), 'ok GET /public/next', name);
    client.destroy();
    untake();
    t.is((await sendRaw(gateway.port, get('/public/fresh'))).answers[0]?.body.toString(), 'ok GET /public/fresh', name);
  }
});

test.serial("Q304 up-sw: the app's own headers pass as the app means them", async (t) => {
  const { gateway, upstream } = await grounds.get();
  const own = [
    'Content-Security-Policy: default-src x',
    'X-Frame-Options: SAMEORIGIN',
    'Cache-Control: public, max-age=60',
    'Access-Control-Allow-Origin: *',
    'ETag: "1"',
  ];
  t.teardown(
    upstream.script('/public/app', writes(ok(...own, 'Service-Worker-Allowed: /', 'Clear-Site-Data: "cache"'))),
  );
  const { answers } = await sendRaw(gateway.port, get('/public/app'));
  for (const line of own) {
    const [name, value] = line.split(': ') as [string, string];
    t.deepEqual(valuesOf(answers[0]!, name), [value]);
  }
});
