import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { poll, startTestGateway } from '../../support/gateway.ts';
import { startUpstream } from '../../support/upstream.ts';
import { askHttp2, startTls, type TlsFixture } from './support.ts';

const tlsTest = hasOpenssl ? test : test.skip;
const header = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n');
const binary = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000208c6336401dc0401bb', 'hex');
const get = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n`;

async function startPlain(t: ExecutionContext, server: Readonly<Record<string, unknown>> = {}) {
  const up = await startUpstream();
  t.teardown(up.stop);
  const gateway = await startTestGateway({
    users: 'users: {}\n',
    config: {
      server: { trustedProxies: ['127.0.0.1'], proxyProtocol: true, limits: { handshakeTimeout: '1s' }, ...server },
      routes: [{ upstream: up.origin, access: 'public' }],
    },
  });
  t.teardown(gateway.stop);
  return { up, gateway };
}

/** What comes on a connection that sends these pieces, until it closes. */
function converse(t: ExecutionContext, port: number, pieces: readonly (Buffer | string)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    const send = ([piece, ...others]: readonly (Buffer | string)[]): void => {
      if (piece === undefined || socket.destroyed) return;
      socket.write(piece, () => setTimeout(send, 5, others));
    };
    socket.setNoDelay(true).once('connect', () => send(pieces));
  });
}

const forwardedFor = (headers: readonly (readonly [string, string])[]): readonly string[] =>
  headers.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value);

test('takes the client address from the header of a trusted proxy', async (t) => {
  const { up, gateway } = await startPlain(t);
  const head = header.toString();
  const pieces = {
    'all in one': [head + get('/a')],
    'two writes': [header, get('/b')],
    'byte for byte': [...head.slice(0, 20), head.slice(20) + get('/c').slice(0, 10), get('/c').slice(10)],
    'version 2': [Buffer.concat([binary, Buffer.from(get('/d'))])],
  };
  for (const [what, parts] of Object.entries(pieces))
    t.regex(await converse(t, gateway.port, parts), /^HTTP\/1\.1 200 /, what);
  t.deepEqual(
    up.requests.map(({ headers }) => forwardedFor(headers)),
    // What the visitor said of itself does not count: it is no trusted proxy.
    [['192.0.2.7'], ['192.0.2.7'], ['192.0.2.7'], ['192.0.2.8']],
  );
  t.true(gateway.logs().some((line) => line.includes('request.completed') && line.includes('192.0.2.7')));
});

test('keeps the own address of a proxy that speaks for itself', async (t) => {
  const { up, gateway } = await startPlain(t);
  t.regex(await converse(t, gateway.port, [`PROXY UNKNOWN\r\n${get('/')}`]), /^HTTP\/1\.1 200 /);
  t.deepEqual(forwardedFor(up.requests[0]?.headers ?? []), ['6.6.6.6, 127.0.0.1']);
});

test('takes several requests on a proxied connection, each whole', async (t) => {
  const { up, gateway } = await startPlain(t);
  const post = (body: string) =>
    `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;
  const big = 'x'.repeat(200_000);
  const text = await converse(t, gateway.port, [
    header.toString() + post('one').slice(0, 30),
    post('one').slice(30),
    post(big),
    get('/'),
  ]);
  t.is(text.match(/HTTP\/1\.1 200/g)?.length, 3);
  t.deepEqual(
    up.requests.map(({ body }) => body.length),
    [3, 200_000, 0],
  );
});

test('closes a trusted proxy\u2019s connection without a whole header, in bounded time and bytes', async (t) => {
  const { up, gateway } = await startPlain(t);
  for (const [what, bytes] of Object.entries({
    'no header': get('/'),
    garbage: `PROXY TCP4 1.2.3.4\r\n${get('/')}`,
    'half a header': 'PROXY TCP4 192.0.2.7',
    nothing: '',
    'endless header': `PROXY UNKNOWN ${'x'.repeat(100_000)}`,
  }))
    t.is(await converse(t, gateway.port, [bytes]), '', what);
  t.is(up.byteCount(), 0);
  await poll(() => gateway.logs().filter((line) => line.includes('proxy-header.refused')).length === 5);
});

test('does not believe a header from anybody else', async (t) => {
  const { up, gateway } = await startPlain(t, { trustedProxies: ['10.0.0.0/8'] });
  t.regex(await converse(t, gateway.port, [header.toString() + get('/')]), /^HTTP\/1\.1 400 /);
  t.is(up.byteCount(), 0);
  t.regex(await converse(t, gateway.port, [get('/')]), /^HTTP\/1\.1 200 /);
  t.deepEqual(forwardedFor(up.requests[0]?.headers ?? []), ['127.0.0.1']);
});

/** A TLS handshake behind a header on the same connection. */
async function shakeHands(t: ExecutionContext, fixture: TlsFixture, before: Buffer, alpn: string): Promise<TLSSocket> {
  const socket: Socket = connectTcp(fixture.gateway.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(before);
  const tls = connectTls({ socket, servername: 'app.test', ca: fixture.ca, ALPNProtocols: [alpn] });
  await once(tls, 'secureConnect');
  return tls;
}

tlsTest('reads the header before TLS, with HTTP/1.1 and HTTP/2', async (t) => {
  const fixture = await startTls(t, { server: { trustedProxies: ['127.0.0.1'], proxyProtocol: true } });
  const http1 = await shakeHands(t, fixture, header, 'http/1.1');
  http1.write(get('/one'));
  http1.resume();
  await once(http1, 'close');
  const http2 = await shakeHands(t, fixture, binary, 'h2');
  const session = connectHttp2('https://app.test', { createConnection: () => http2 });
  t.teardown(() => session.destroy());
  await askHttp2(session, { ':path': '/two', ':authority': 'app.test', 'x-forwarded-for': '6.6.6.6' });
  t.deepEqual(
    fixture.up.requests.map(({ headers }) => forwardedFor(headers)),
    [['192.0.2.7'], ['192.0.2.8']],
  );
});

tlsTest('closes a trusted proxy\u2019s TLS connection without a header', async (t) => {
  const fixture = await startTls(t, { server: { trustedProxies: ['127.0.0.1'], proxyProtocol: true } });
  await t.throwsAsync(shakeHands(t, fixture, Buffer.alloc(0), 'h2'));
});
