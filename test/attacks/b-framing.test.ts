import test from 'ava';
import fc from 'fast-check';
import { createGrounds, declareAttacks, loadAttacks, settingOf } from '../support/attack-runner.ts';
import { poll } from '../support/gateway.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { plainAnswer, writes, writesAndCloses } from '../support/upstream.ts';

const setting = settingOf(import.meta.url);
const grounds = createGrounds(setting);
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('b'), { grounds, upstreamKeepAlive: [true, false] });

const get = (target: string, ...headers: string[]) =>
  `${[`GET ${target} HTTP/1.1`, 'Host: app.test', ...headers].join('\r\n')}\r\n\r\n`;

test.serial(
  'B40 early-answer: what follows a request that was answered before its body is read rightly or not at all',
  async (t) => {
    const { gateway, upstream } = await grounds.get();
    const body = 'x'.repeat(200_000);
    for (const [target, accept] of [
      ['/private/x', '*/*'],
      ['/private/x', 'text/html'],
      ['/nowhere', '*/*'],
      ['/_auth/sign-in', '*/*'],
    ] as const) {
      for (const framing of ['length', 'chunks'] as const) {
        const seen = upstream.mark();
        const client = await openRaw(gateway.port);
        const length = framing === 'length' ? `Content-Length: ${String(body.length)}` : 'Transfer-Encoding: chunked';
        client.write(
          `POST ${target} HTTP/1.1\r\nHost: app.test\r\nAccept: ${accept}\r\nContent-Type: text/plain\r\n${length}\r\n\r\n`,
        );
        const first = await client.answer('POST');
        t.true(first.status >= 300 && first.status < 500, `${target} ${first.statusLine}`);
        const hidden = get('/public/hidden').padEnd(body.length, 'x');
        client.write(framing === 'length' ? hidden : `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`);
        client.write(get('/public/second'));
        const second = await client.answer().catch(() => null);
        if (second === null) t.true(client.isClosed());
        else t.is(second.body.toString(), 'ok GET /public/second');
        t.deepEqual(
          seen
            .requests()
            .map((request) => request.target)
            .filter((path) => path !== '/public/second'),
          [],
        );
        client.destroy();
      }
    }
  },
);

test.serial('B40 early-answer: the same when the upstream answers before the body', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const answer = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig';
  t.teardown(upstream.script('/public/early', writesAndCloses(answer), 'head'));
  const client = await openRaw(gateway.port);
  t.teardown(client.destroy);
  client.write('POST /public/early HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n');
  client.write('x'.repeat(50_000));
  const first = await client.answer('POST');
  t.is(first.status, 413);
  t.is(first.body.toString(), 'big');
  const seen = upstream.mark();
  client.write(get('/public/hidden').padEnd(50_000, 'x'));
  client.write(get('/public/second'));
  const second = await client.answer().catch(() => null);
  if (second !== null) t.is(second.body.toString(), 'ok GET /public/second');
  t.deepEqual(
    seen.requests().filter((request) => request.target === '/public/hidden'),
    [],
  );
});

test.serial('B42 pipeline: pipelined requests are answered in order, each with its own identity', async (t) => {
  const ground = await grounds.get();
  const [alice, bob] = [await ground.session('alice'), await ground.session('bob')];
  const seen = ground.upstream.mark();
  const { answers } = await sendRaw(
    ground.gateway.port,
    get('/private/1', `Cookie: ${alice.cookie}`) +
      get('/private/2') +
      get('/private/3', `Cookie: ${bob.cookie}`) +
      `POST /private/4 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nCookie: ${alice.cookie}\r\n\r\nbody` +
      get('/admin/5', `Cookie: ${bob.cookie}`) +
      get('/public/6', `Cookie: ${bob.cookie}`),
    { methods: ['GET', 'GET', 'GET', 'POST', 'GET', 'GET'] },
  );
  t.deepEqual(
    answers.map(({ status, body }) => (status === 200 ? body.toString() : status)),
    ['ok GET /private/1', 401, 'ok GET /private/3', 'ok POST /private/4', 'ok GET /admin/5', 'ok GET /public/6'],
  );
  const users = Object.fromEntries(seen.requests().map((request) => [request.target, valueOf(request, 'remote-user')]));
  t.deepEqual(users, {
    '/private/1': 'alice',
    '/private/3': 'bob',
    '/private/4': 'alice',
    '/admin/5': 'bob',
    '/public/6': undefined,
  });
});

test.serial('B54 resp-queue: no visitor ever gets an answer that was made for another', async (t) => {
  const ground = await grounds.get();
  const { port } = ground.gateway;
  let seed = 42;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const untake = ground.upstream.script(
    '/public/early',
    (request) => ({ kind: 'write', bytes: plainAnswer(request) }),
    'head',
  );
  t.teardown(untake);
  const visit = async (user: string, number: number): Promise<void> => {
    const { cookie } = await ground.session(user);
    const tag = `${user}-${String(number)}`;
    const kind = random();
    const client = await openRaw(port);
    try {
      if (kind < 0.15) {
        client.write(get(`/private/${tag}`, `Cookie: ${cookie}`));
        client.reset();
        return;
      }
      if (kind < 0.3) {
        client.write(
          `POST /private/${tag} HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\nContent-Length: 5000\r\n\r\n${tag}`,
        );
        client.reset();
        return;
      }
      if (kind < 0.4) {
        client.write(`POST /public/early?${tag} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5000\r\n\r\n${tag}`);
        const early = await client.answer('POST');
        if (early.status === 200 && early.body.toString() !== `ok POST /public/early?${tag}`)
          throw new Error(`${tag} got ${early.body.toString()}`);
        return;
      }
      client.write(get(`/private/${tag}`, `Cookie: ${cookie}`));
      const answer = await client.answer();
      if (answer.body.toString() !== `ok GET /private/${tag}`) throw new Error(`${tag} got ${answer.body.toString()}`);
    } finally {
      client.destroy();
    }
  };
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => visit(index % 2 === 0 ? 'alice' : 'bob', round * 20 + index)),
    );
  }
  for (const request of ground.upstream.requests) {
    const owner = /^\/private\/(alice|bob)-\d+$/.exec(request.target)?.[1];
    if (owner !== undefined) t.is(valueOf(request, 'remote-user'), owner, request.target);
  }
});

test.serial('B55 abort-pool: a request that was cut off leaves nothing behind for the next one', async (t) => {
  const { gateway, upstream } = await grounds.get();
  for (let time = 0; time < 20; time += 1) {
    const seen = upstream.mark();
    const client = await openRaw(gateway.port);
    client.write('POST /public/cut HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nGET /evil ');
    if (time % 2 === 0) await poll(() => seen.bytes() > 0);
    client.reset();
    const { answers } = await sendRaw(gateway.port, get('/public/after'));
    t.is(answers[0]?.body.toString(), 'ok GET /public/after');
    t.deepEqual(
      seen.requests().map(({ target }) => target),
      ['/public/after'],
    );
    t.deepEqual(seen.faults(), []);
  }
});

test.serial('B56 up-extra-bytes: what an upstream sends too much reaches nobody', async (t) => {
  const { gateway, upstream } = await grounds.get();
  const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: 1\r\n\r\nEVIL';
  for (const first of [
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${evil}`,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${evil}`,
    `HTTP/1.1 204 No Content\r\n\r\n${evil}`,
    `HTTP/1.1 304 Not Modified\r\n\r\n${evil}`,
  ]) {
    const untake = upstream.script('/public/extra', writes(first));
    const client = await openRaw(gateway.port);
    client.write(get('/public/extra'));
    await client.answer().catch(() => null);
    for (let time = 0; time < 5; time += 1) {
      const { answers } = await sendRaw(gateway.port, get(`/public/next-${String(time)}`));
      t.is(answers[0]?.body.toString(), `ok GET /public/next-${String(time)}`);
    }
    t.false(client.pending().toString().includes('EVIL'));
    client.destroy();
    untake();
  }
});

const malformed: Readonly<Record<string, string>> = {
  'length and chunked':
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX-Leak: 1\r\n\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\nX-Leak: 1\r\n\r\nhello',
  'bad length': 'HTTP/1.1 200 OK\r\nContent-Length: 5x\r\nX-Leak: 1\r\n\r\nhello',
  'negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\nX-Leak: 1\r\n\r\nhello',
  'NUL in a value': 'HTTP/1.1 200 OK\r\nX-Leak: a\0b\r\nContent-Length: 5\r\n\r\nhello',
  'space in a name': 'HTTP/1.1 200 OK\r\nX Leak: a\r\nContent-Length: 5\r\n\r\nhello',
  'space before the colon': 'HTTP/1.1 200 OK\r\nX-Leak : a\r\nContent-Length: 5\r\n\r\nhello',
  'bare LF': 'HTTP/1.1 200 OK\nX-Leak: 1\nContent-Length: 5\n\nhello',
  'bare CR in a value': 'HTTP/1.1 200 OK\r\nX-Leak: a\rb\r\nContent-Length: 5\r\n\r\nhello',
  'no status': 'HTTP/1.1 OK\r\nX-Leak: 1\r\nContent-Length: 5\r\n\r\nhello',
  'status 99': 'HTTP/1.1 99 Low\r\nX-Leak: 1\r\nContent-Length: 5\r\n\r\nhello',
  'status 1000': 'HTTP/1.1 1000 High\r\nX-Leak: 1\r\nContent-Length: 5\r\n\r\nhello',
  'another protocol': 'SSH-2.0-OpenSSH_9.9\r\n',
  'HTTP/3': 'HTTP/3.0 200 OK\r\nX-Leak: 1\r\nContent-Length: 5\r\n\r\nhello',
  '101 unasked': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\nX-Leak: 1\r\n\r\nEVIL',
  '70 KB of headers': `HTTP/1.1 200 OK\r\nX-Leak: ${'x'.repeat(70_000)}\r\nContent-Length: 5\r\n\r\nhello`,
  'nothing at all': '',
  'half a head': 'HTTP/1.1 200 OK\r\nX-Leak: 1\r\n',
};

for (const [name, bytes] of Object.entries(malformed)) {
  test.serial(`B57 up-malformed: ${name} becomes 502`, async (t) => {
    const { gateway, upstream } = await grounds.get();
    t.teardown(upstream.script('/public/broken', writesAndCloses(bytes)));
    const { answers } = await sendRaw(gateway.port, get('/public/broken'));
    t.is(answers[0]?.status, 502);
    t.deepEqual(valuesOf(answers[0]!, 'x-leak'), []);
    t.false(answers[0]!.body.toString().includes('hello'));
    t.is((await sendRaw(gateway.port, get('/public/next'))).answers[0]?.body.toString(), 'ok GET /public/next');
  });
}

test.serial('B57 up-malformed: status 999 is passed as it is or refused', async (t) => {
  const { gateway, upstream } = await grounds.get();
  t.teardown(upstream.script('/public/broken', writesAndCloses('HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nhello')));
  const { answers } = await sendRaw(gateway.port, get('/public/broken'));
  t.true([502, 999].includes(answers[0]?.status ?? 0));
});

const hidden = 'GET /admin/SMUGGLED HTTP/1.1\r\nHost: app.test\r\nRemote-User: evil\r\nConnection: close\r\n\r\n';
const framing = fc.constantFrom(
  `Content-Length: ${String(hidden.length)}`,
  'Content-Length: 0',
  'Content-Length: 3',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'content-length:\t0\t',
  'Content-Length : 0',
  'Content_Length: 0',
  'Transfer-Encoding: chunked',
  'transfer-encoding: Chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: x, chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked, ',
  'Transfer-Encoding : chunked',
  'Transfer_Encoding: chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'Connection: close, Content-Length, Transfer-Encoding',
  'Expect: 100-continue',
  'TE: chunked',
  'Trailer: Content-Length',
  'Upgrade: h2c',
);
const bodyOf = fc.constantFrom(
  hidden,
  `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
  `0\r\n\r\n${hidden}`,
  `3\r\nabc\r\n0\r\n\r\n${hidden}`,
  `3;x\nabc\r\n0\r\n\r\n${hidden}`,
  `0\r\nX: y\r\n\r\n${hidden}`,
  `abc${hidden}`,
  `\r\n${hidden}`,
);

test.serial('property: no framing hides a request in a body', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PUT', 'PROPFIND');
  const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0');
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      method,
      version,
      fc.array(framing, { maxLength: 3 }),
      bodyOf,
      fc.boolean(),
      async (verb, http, lines, body, signedIn) => {
        const seen = ground.upstream.mark();
        const client = await openRaw(ground.gateway.port);
        // A name of its own: another process may forward late what belongs to a run that is over.
        const target = `/${signedIn ? 'private' : 'public'}/run${String((run += 1))}`;
        const head = [
          `${verb} ${target} ${http}`,
          'Host: app.test',
          ...lines,
          ...(signedIn ? [`Cookie: ${cookie}`] : []),
        ];
        client.socket.end(Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
        if (!(await client.closed())) throw new Error('left hanging');
        client.destroy();
        // What follows a whole request is a request of its own and is judged as such: alice is no admin, and nobody is.
        const smuggled = seen.requests().filter(({ target }) => target.includes('SMUGGLED'));
        if (smuggled.length > 0) throw new Error('the hidden request was executed');
        if (seen.faults().length > 0) throw new Error(`the upstream could not read it: ${seen.faults().join()}`);
        if (seen.requests().filter((one) => one.target === target).length > 1) throw new Error('more than one request');
      },
    ),
    { numRuns: setting === 'plain' ? 600 : 120 },
  );
  t.pass();
});
