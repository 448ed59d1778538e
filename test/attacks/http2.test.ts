import test, { type ExecutionContext } from 'ava';
import { hasOpenssl } from '../support/certificates.ts';
import { poll } from '../support/gateway.ts';
import { flags, frame, frameTypes, headerBlock, speakFrames, type FrameClient } from '../support/http2-frames.ts';
import { usersFile } from '../support/users.ts';
import { askHttp2, openHttp2, openTls, signInHttp2, startTls, type TlsFixture } from '../integration/front/support.ts';

const run = hasOpenssl ? test : test.skip;

type Lines = readonly (readonly [name: string, value: string])[];

/** A request in whose place an attack stands. */
const plain = {
  method: [':method', 'GET'],
  scheme: [':scheme', 'https'],
  authority: [':authority', 'app.test'],
  path: [':path', '/public'],
} as const;
const head: Lines = Object.values(plain);
const withHead = (...more: Lines): Lines => [...head, ...more];
const instead = (name: keyof typeof plain, ...values: readonly string[]): Lines =>
  Object.entries(plain).flatMap(([key, line]) =>
    key === name ? values.map((value): readonly [string, string] => [line[0], value]) : [line],
  );

const hidden = 'x\r\n\r\nGET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n';
const bodies = { none: null, short: 'body' } as const;

interface Attack {
  readonly lines: Lines;
  readonly body?: keyof typeof bodies;
}

/** Fields that node's HTTP/2 leaves out of what it hands over (docs/decisions/024-tls-and-http2.md): never seen by anybody. */
const leftOut: Readonly<Record<string, readonly [name: string, value: string]>> = {
  'CR and LF in a header value': ['x-a', hidden],
  'LF alone in a header value': ['x-a', 'x\nremote-user: admin'],
  'NUL in a header value': ['x-a', 'x\0y'],
  'CR and LF in a header name': ['x-a: b\r\nremote-user', 'admin'],
  'a colon in a header name': ['remote-user: admin\r\nx', 'y'],
  'a blank in a header name': ['remote-user ', 'admin'],
  'a tab in a header name': ['\tremote-user', 'admin'],
  'bytes above ASCII in a header name': ['remote-user\x85', 'admin'],
  'an empty header name': ['', 'x'],
  'a blank at the end of a header value': ['x-a', 'x '],
};

/** What HTTP/2 can say and HTTP/1.1 would say differently: none of it may reach an upstream. */
const refused: Readonly<Record<string, Attack>> = {
  'capitals in a header name': { lines: withHead(['Remote-User', 'admin']) },
  'CR and LF in the path': { lines: instead('path', `/public HTTP/1.1\r\nX: ${hidden}`) },
  'a blank in the path': { lines: instead('path', '/public /admin') },
  'NUL in the path': { lines: instead('path', '/public\0') },
  'an empty path': { lines: instead('path', '') },
  'a path without a slash': { lines: instead('path', 'admin') },
  'an absolute URL as path': { lines: instead('path', 'https://app.test/admin') },
  'a fragment in the path': { lines: instead('path', '/admin#/public') },
  'an asterisk as path of GET': { lines: instead('path', '*') },
  'dot segments in the path': { lines: instead('path', '/public/%2e%2e/admin') },
  'a path that names an authority': { lines: instead('path', '//evil.test/') },
  'CR and LF in the method': { lines: instead('method', `GET /admin HTTP/1.1\r\nX: y\r\n\r\nGET`) },
  'a blank in the method': { lines: instead('method', 'GET /admin') },
  'an empty method': { lines: instead('method', '') },
  CONNECT: { lines: [plain.authority, [':method', 'CONNECT']] },
  TRACE: { lines: instead('method', 'TRACE') },
  'CR and LF in the authority': { lines: instead('authority', 'app.test\r\nremote-user: admin') },
  'a user in the authority': { lines: instead('authority', 'evil.test:x@app.test') },
  'a path in the authority': { lines: instead('authority', 'app.test/admin') },
  'a list as authority': { lines: instead('authority', 'app.test, evil.test') },
  'an empty authority': { lines: instead('authority', '') },
  'no authority and no host': { lines: instead('authority') },
  'a host that differs from the authority': { lines: withHead(['host', 'admin.test']) },
  'two hosts': { lines: withHead(['host', 'app.test'], ['host', 'app.test']) },
  'another scheme': { lines: instead('scheme', 'http') },
  'a scheme that is a URL': { lines: instead('scheme', 'https://evil.test/?') },
  'no scheme': { lines: instead('scheme') },
  'no method': { lines: instead('method') },
  'no path': { lines: instead('path') },
  'two methods': { lines: instead('method', 'GET', 'POST') },
  'two paths': { lines: instead('path', '/public', '/admin') },
  'two authorities': { lines: instead('authority', 'app.test', 'admin.test') },
  'two schemes': { lines: instead('scheme', 'https', 'http') },
  'a pseudo header behind others': { lines: [...instead('path'), ['x-a', 'b'], plain.path] },
  'a pseudo header of answers': { lines: [[':status', '200'], ...head] },
  'an unknown pseudo header': { lines: [[':admin', '1'], ...head] },
  'a protocol without CONNECT': { lines: [[':protocol', 'websocket'], ...head] },
  'an extended CONNECT to an unknown protocol': {
    lines: [[':protocol', 'connect-udp'], ...instead('method', 'CONNECT')],
  },
  'a transfer coding': { lines: withHead(['transfer-encoding', 'chunked']), body: 'short' },
  'a length and a transfer coding': {
    lines: withHead(['content-length', '4'], ['transfer-encoding', 'chunked']),
    body: 'short',
  },
  'a Connection header': { lines: withHead(['connection', 'close, remote-user']) },
  'a Keep-Alive header': { lines: withHead(['keep-alive', 'timeout=5']) },
  'a Proxy-Connection header': { lines: withHead(['proxy-connection', 'keep-alive']) },
  'an Upgrade header': { lines: withHead(['upgrade', 'websocket']) },
  'a TE other than trailers': { lines: withHead(['te', 'trailers, chunked']) },
  'a length longer than the body': { lines: withHead(['content-length', '10']), body: 'short' },
  'a length shorter than the body': { lines: withHead(['content-length', '1']), body: 'short' },
  'a length without a body': { lines: withHead(['content-length', '4']) },
  'two lengths': { lines: withHead(['content-length', '4'], ['content-length', '4']), body: 'short' },
  'a list of lengths': { lines: withHead(['content-length', '4, 4']), body: 'short' },
  'a length with a sign': { lines: withHead(['content-length', '+4']), body: 'short' },
  'two Authorization lines': { lines: withHead(['authorization', 'Basic eDp5'], ['authorization', 'Basic eDp5']) },
  'two Origin lines': { lines: withHead(['origin', 'https://app.test'], ['origin', 'https://evil.test']) },
  'a thousand headers': {
    lines: withHead(...Array.from({ length: 1000 }, (_, n) => [`x-${String(n)}`, 'y'] as const)),
  },
  'five thousand crumbs of a cookie': {
    lines: withHead(...Array.from({ length: 5000 }, (_, n) => ['cookie', `c${String(n)}=1`] as const)),
  },
  'a cookie of 100 KB': { lines: withHead(['cookie', `c=${'x'.repeat(100_000)}`]) },
  'headers of 17 KB': { lines: withHead(['x-a', 'x'.repeat(17_000)]) },
  'a path of 9 KB': { lines: instead('path', `/public/${'x'.repeat(9_000)}`) },
};

/** What became of a stream: a status from the answer's first bytes, `reset`, or the connection's end. */
async function fateOf(client: FrameClient, stream: number): Promise<'answered' | 'reset' | 'closed'> {
  const found = (type: number) => client.frames.find((one) => one.type === type && one.stream === stream);
  await poll(
    () => client.isClosed() || [frameTypes.headers, frameTypes.rstStream].some((type) => found(type) !== undefined),
  );
  if (found(frameTypes.headers) !== undefined) return 'answered';
  return found(frameTypes.rstStream) === undefined ? 'closed' : 'reset';
}

/** A head in as many frames as it needs. */
function headFrames(stream: number, lines: Lines, endStream: boolean): Buffer {
  const block = headerBlock(lines);
  const parts: Buffer[] = [];
  for (let at = 0; at < block.length || at === 0; at += 16_384) {
    const isLast = at + 16_384 >= block.length;
    const type = at === 0 ? frameTypes.headers : frameTypes.continuation;
    const flag = (isLast ? flags.endHeaders : 0) | (at === 0 && endStream ? flags.endStream : 0);
    parts.push(frame(type, flag, stream, block.subarray(at, at + 16_384)));
  }
  return Buffer.concat(parts);
}

async function start(t: ExecutionContext): Promise<TlsFixture> {
  return startTls(t, {
    users: usersFile(),
    routes: (upstream) => [
      { id: 'public', upstream, path: '/public', access: 'public' },
      { id: 'private', upstream, path: '/private', access: 'signed-in' },
      { id: 'admin', upstream, path: '/admin', access: [{ allow: { groups: ['admins'] } }] },
    ],
  });
}

async function speak(t: ExecutionContext, fixture: TlsFixture): Promise<FrameClient> {
  return speakFrames(await openTls(t, fixture, { ALPNProtocols: ['h2'] }));
}

run('B over HTTP/2: what two protocols would read differently never reaches an upstream', async (t) => {
  const fixture = await start(t);
  for (const [what, { lines, body = 'none' }] of Object.entries(refused)) {
    const client = await speak(t, fixture);
    const text = bodies[body];
    client.write(headFrames(1, lines, text === null));
    if (text !== null) client.write(frame(frameTypes.data, flags.endStream, 1, Buffer.from(text)));
    const fate = await fateOf(client, 1);
    // An answer is a refusal here, since the upstream gives all the others.
    t.is(fixture.up.requests.length, 0, `${what}: ${fate}`);
    t.deepEqual(fixture.up.faults, [], what);
  }
  t.is((await askHttp2(openHttp2(t, fixture), { ':authority': 'app.test', ':path': '/public' })).status, 200);
});

run('B over HTTP/2: malformed fields are left out, and nothing of them arrives', async (t) => {
  const fixture = await start(t);
  const expected = new Set<string>();
  for (const [what, field] of [['nothing', null] as const, ...Object.entries(leftOut)]) {
    const client = await speak(t, fixture);
    client.write(headFrames(1, field === null ? head : withHead(field), true));
    t.is(await fateOf(client, 1), 'answered', what);
    const names = (fixture.up.requests.at(-1)?.headers ?? []).map(([name]) => name);
    if (field === null) for (const name of names) expected.add(name);
    t.deepEqual(names, [...expected], what);
  }
  t.is(fixture.up.requests.length, Object.keys(leftOut).length + 1);
  t.deepEqual(fixture.up.faults, []);
});

run('B over HTTP/2: heads beyond the limits are told so', async (t) => {
  const fixture = await start(t);
  const session = openHttp2(t, fixture);
  const ask = async (more: Record<string, string | string[]>) =>
    (await askHttp2(session, { ':authority': 'app.test', ':path': '/public', ...more })).status;
  t.is(await ask({ 'x-a': 'x'.repeat(17_000) }), 431);
  t.is(await ask({ cookie: `c=${'x'.repeat(60_000)}` }), 431);
  t.is(await ask(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`x-${String(n)}`, 'y']))), 431);
  t.is(await ask({ cookie: Array.from({ length: 300 }, (_, n) => `c${String(n)}=1`) }), 200);
});

run('A over HTTP/2: no identity of a visitor\u2019s own arrives, as header or trailer', async (t) => {
  const fixture = await start(t);
  const session = openHttp2(t, fixture);
  const cookie = await signInHttp2(session, 'alice');
  const forged = Object.fromEntries(
    ['remote-user', 'remote_user', 'remote.user', 'remote-groups', 'sallyport-jwt-assertion', 'x-forwarded-for'].map(
      (name) => [name, 'evil'],
    ),
  );
  const common = { ':authority': 'app.test', ...forged };
  await askHttp2(session, { ...common, ':path': '/public' });
  await askHttp2(session, { ...common, ':path': '/private', cookie: ['a=1', cookie, 'b=2'] });
  const stream = session.request(
    { ':authority': 'app.test', ':method': 'POST', ':path': '/public' },
    { waitForTrailers: true, endStream: false },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'remote-user': 'evil', 'x-sum': '1' }));
  stream.end('body');
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
  t.is(fixture.up.requests.length, 3);
  t.false(JSON.stringify(fixture.up.requests).includes('evil'));
  const [, signedIn] = fixture.up.requests;
  const value = (name: string) =>
    signedIn?.headers.filter(([key]) => key.toLowerCase() === name).map(([, text]) => text);
  t.deepEqual(value('remote-user'), ['alice']);
  t.deepEqual(value('cookie'), ['a=1; b=2']);
});

run('D98 sni-host: a host under another certificate is misdirected', async (t) => {
  const fixture = await start(t);
  const answer = await askHttp2(openHttp2(t, fixture), { ':authority': 'admin.test', ':path': '/public' });
  t.is(answer.status, 421);
  t.is(fixture.up.requests.length, 0);
});

run('B42 pipeline: streams of two people on one connection keep their identities', async (t) => {
  const fixture = await start(t);
  const session = openHttp2(t, fixture);
  const cookies = { alice: await signInHttp2(session, 'alice'), bob: await signInHttp2(session, 'bob') };
  const asked = Array.from({ length: 60 }, (_, n) =>
    n % 3 === 0 ? null : n % 3 === 1 ? ('alice' as const) : ('bob' as const),
  );
  const answers = await Promise.all(
    asked.map((user, n) =>
      askHttp2(session, {
        ':authority': 'app.test',
        ':path': `/private/${String(n)}`,
        ...(user === null ? {} : { cookie: cookies[user] }),
      }),
    ),
  );
  for (const [n, user] of asked.entries()) {
    t.is(answers[n]?.status, user === null ? 401 : 200);
    const request = fixture.up.requests.find(({ target }) => target === `/private/${String(n)}`);
    t.is(request?.headers.find(([name]) => name === 'Remote-User')?.[1], user ?? undefined);
  }
});
