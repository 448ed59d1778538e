import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { poll, startTestGateway } from '../../support/gateway.ts';
import { openRaw, sendRaw } from '../../support/raw.ts';
import { startUpstream } from '../../support/upstream.ts';
import { askHttp2, openHttp2, openTls, startTls } from './support.ts';

const tlsTest = hasOpenssl ? test : test.skip;

async function startPlain(t: ExecutionContext, limits: Readonly<Record<string, unknown>>) {
  const up = await startUpstream();
  t.teardown(up.stop);
  const gateway = await startTestGateway({
    users: 'users: {}\n',
    config: { server: { limits }, routes: [{ upstream: up.origin, access: 'public' }] },
  });
  t.teardown(gateway.stop);
  return { up, gateway };
}

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

test('bounds a head as it is told, in bytes and in lines', async (t) => {
  const { gateway } = await startPlain(t, { headerBytes: '40KiB', headerCount: 50 });
  const status = async (lines: readonly string[]) => {
    const request = ['GET / HTTP/1.1', 'Host: app.test', ...lines, '', ''].join('\r\n');
    return (await sendRaw(gateway.port, request)).answers[0]?.status;
  };
  t.is(await status([`X-A: ${'x'.repeat(39_000)}`]), 200);
  t.is(await status([`X-A: ${'x'.repeat(41_000)}`]), 431);
  t.is(await status(Array.from({ length: 49 }, (_, n) => `X-${String(n)}: y`)), 200);
  t.is(await status(Array.from({ length: 50 }, (_, n) => `X-${String(n)}: y`)), 431);
});

test('closes a connection after the last request that it may carry', async (t) => {
  const { gateway } = await startPlain(t, { requestsPerConnection: 2 });
  const client = await openRaw(gateway.port);
  t.teardown(client.destroy);
  client.write(get);
  t.is((await client.answer()).status, 200);
  client.write(get);
  t.is((await client.answer()).status, 200);
  t.true(await client.closed());
});

test('closes a connection that does not send its head in time', async (t) => {
  const { gateway } = await startPlain(t, { headersTimeout: '1s' });
  const client = await openRaw(gateway.port);
  t.teardown(client.destroy);
  client.write('GET / HTTP/1.1\r\nHost: app.te');
  t.is((await client.answer()).status, 408);
  t.true(await client.closed());
});

test('closes connections beyond the number that it takes, and serves the others', async (t) => {
  const { gateway } = await startPlain(t, { connections: 3 });
  const held = await Promise.all([openRaw(gateway.port), openRaw(gateway.port), openRaw(gateway.port)]);
  for (const client of held) {
    t.teardown(client.destroy);
    client.write(get);
    t.is((await client.answer()).status, 200);
  }
  const more: Socket = connect(gateway.port, '127.0.0.1');
  more.on('error', () => undefined);
  await once(more, 'close');
  t.true(gateway.logs().some((line) => line.includes('connections.full')));
  held[0]?.write(get);
  t.is((await held[0]?.answer())?.status, 200);
  held[1]?.destroy();
  await poll(async () => (await sendRaw(gateway.port, get).catch(() => null))?.answers[0]?.status === 200);
});

tlsTest('bounds HTTP/2 connections alike: requests on one, and time without any', async (t) => {
  const fixture = await startTls(t, {
    server: { limits: { requestsPerConnection: 2, keepAliveTimeout: '1s', http2: { concurrentStreams: 7 } } },
  });
  const session = openHttp2(t, fixture);
  t.is((await askHttp2(session, { ':path': '/1' })).status, 200);
  t.is(session.remoteSettings.maxConcurrentStreams, 7);
  t.is((await askHttp2(session, { ':path': '/2' })).status, 200);
  if (!session.closed) await once(session, 'close');
  t.is(fixture.up.requests.length, 2);
  const idle = openHttp2(t, fixture);
  t.is((await askHttp2(idle, { ':path': '/3' })).status, 200);
  await once(idle, 'close');
});

tlsTest('keeps an HTTP/2 connection on which a silent stream is open', async (t) => {
  const fixture = await startTls(t, { server: { limits: { keepAliveTimeout: '1s' } } });
  let answer: (() => void) | undefined;
  fixture.up.script('/poll', (_request, socket) => {
    answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews');
    return { kind: 'taken' };
  });
  const idle = openHttp2(t, fixture);
  const session = openHttp2(t, fixture);
  const polling = askHttp2(session, { ':path': '/poll' });
  t.is((await askHttp2(idle, { ':path': '/' })).status, 200);
  await once(idle, 'close');
  t.false(session.closed);
  answer?.();
  t.is((await polling).body.toString(), 'news');
});

tlsTest('gives a TLS handshake its time and no more', async (t) => {
  const fixture = await startTls(t, { server: { limits: { handshakeTimeout: '1s' } } });
  const silent = connect(fixture.gateway.port, '127.0.0.1');
  t.teardown(() => silent.destroy());
  silent.on('error', () => undefined);
  await once(silent, 'close');
  const socket = await openTls(t, fixture);
  t.is(socket.alpnProtocol, 'http/1.1');
});
