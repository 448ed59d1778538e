import { createServer } from 'node:https';
import { createSecureServer } from 'node:http2';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hasOpenssl, makeAuthority, makeCertificate, type Authority } from '../../support/certificates.ts';
import { exchange, get, listen, routeTo, startForwarder, startUpgrader } from './support.ts';

const when = hasOpenssl ? test : test.skip;
const upgrade = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

async function setScene(t: ExecutionContext): Promise<{ folder: string; authority: Authority }> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return { folder, authority: await makeAuthority(folder) };
}

interface Seen {
  readonly port: number;
  readonly names: unknown[];
  readonly clients: string[];
}

/** An https app with this certificate; asks for a client certificate of `clientCa`. */
async function startSecure(
  t: ExecutionContext,
  files: { readonly cert: string; readonly key: string },
  clientCa?: string,
): Promise<Seen> {
  const names: unknown[] = [];
  const clients: string[] = [];
  const server = createServer({
    cert: await readFile(files.cert),
    key: await readFile(files.key),
    ...(clientCa === undefined ? {} : { ca: await readFile(clientCa), requestCert: true, rejectUnauthorized: true }),
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    names.push(Reflect.get(socket, 'servername'));
    clients.push(String(socket.getPeerCertificate()?.subject?.CN ?? ''));
  });
  server.on('request', (_incoming, response) => response.end('secure'));
  server.on('upgrade', (_incoming, socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nsecure'),
  );
  return { port: await listen(t, server), names, clients };
}

type Upstream = Parameters<typeof routeTo>[0];

/** What a request and an upgrade are answered. */
async function ask(t: ExecutionContext, upstream: Upstream): Promise<readonly [number, number]> {
  const route = routeTo(upstream);
  const forwarder = await startForwarder(t, route);
  const upgrader = await startUpgrader(t, route);
  const statusOf = (answer: string): number => Number(answer.slice(9, 12));
  return [statusOf(await get(forwarder.port, '/')), statusOf(await exchange(upgrader.port, upgrade))];
}

when('believes its own authority alone, for requests and upgrades', async (t) => {
  const { authority } = await setScene(t);
  const { port } = await startSecure(t, await makeCertificate(authority, { names: ['localhost'] }));
  const stranger = await makeAuthority(authority.directory, { name: 'Stranger' });
  const targets = `https://localhost:${port}`;
  t.deepEqual(await ask(t, targets), [502, 502]);
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca } }), [200, 101]);
  t.deepEqual(await ask(t, { targets, tls: { ca: stranger.ca } }), [502, 502]);
});

when('asks for the name that is written, and checks the certificate by it', async (t) => {
  const { authority } = await setScene(t);
  const { port, names } = await startSecure(t, await makeCertificate(authority, { names: ['app.internal'] }));
  const targets = `https://127.0.0.1:${port}`;
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca } }), [502, 502]);
  names.length = 0;
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca, serverName: 'app.internal' } }), [200, 101]);
  t.deepEqual(names, ['app.internal', 'app.internal']);
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca, serverName: 'other.internal' } }), [502, 502]);
});

when('shows a client certificate', async (t) => {
  const { authority } = await setScene(t);
  const server = await makeCertificate(authority, { ips: ['127.0.0.1'] });
  const { cert, key } = await makeCertificate(authority, { names: ['the-gateway'], client: true });
  const { port, clients } = await startSecure(t, server, authority.ca);
  const targets = `https://127.0.0.1:${port}`;
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca } }), [502, 502]);
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca, cert, key } }), [200, 101]);
  t.deepEqual(clients.slice(-2), ['the-gateway', 'the-gateway']);
});

when('believes any certificate where that is written out, and only there', async (t) => {
  const { authority } = await setScene(t);
  const expired = await makeCertificate(authority, { names: ['elsewhere.test'], expired: true });
  const { port } = await startSecure(t, expired);
  const targets = `https://127.0.0.1:${port}`;
  t.deepEqual(await ask(t, { targets, tls: { insecureSkipTlsVerify: true } }), [200, 101]);
  t.deepEqual(await ask(t, { targets, tls: { ca: authority.ca } }), [502, 502]);
});

when('speaks HTTP/2 where TLS agrees to it, and says so where it does not', async (t) => {
  const { authority } = await setScene(t);
  const files = await makeCertificate(authority, { names: ['localhost'] });
  const server = createSecureServer({ cert: await readFile(files.cert), key: await readFile(files.key) });
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(`${String(headers[':scheme'])} ${String(headers[':authority'])}`);
  });
  const port = await listen(t, server);
  const tls = { ca: authority.ca };
  const forwarder = await startForwarder(t, routeTo({ targets: `https://localhost:${port}`, tls, http2: true }));
  t.true((await get(forwarder.port, '/')).includes('https app.test'));
  const old = await startSecure(t, files);
  const other = await startForwarder(t, routeTo({ targets: `https://localhost:${old.port}`, tls, http2: true }));
  t.regex(await get(other.port, '/'), /^HTTP\/1\.1 502 /);
  const [outcome] = other.outcomes;
  const cause = outcome?.kind === 'failed' ? outcome.error.cause : null;
  t.true(cause instanceof Error && cause.message.includes('did not agree to HTTP/2'), String(cause));
});

when('refuses files that can not be used, with a reason', async (t) => {
  const { folder, authority } = await setScene(t);
  const { cert } = await makeCertificate(authority, { names: ['a'], client: true });
  const { key } = await makeCertificate(authority, { names: ['b'], client: true });
  const garbage = join(folder, 'garbage.pem');
  await writeFile(garbage, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
  const { readSecureContext } = await import('../../../src/upstream/secure.ts');
  t.throws(() => readSecureContext({ cert, key }), { message: /it is not the key of/ });
  t.throws(() => readSecureContext({ ca: garbage }), { message: /could not read the certificates in/ });
  t.throws(() => readSecureContext({ ca: key }), { message: /could not find a certificate in/ });
  t.throws(() => readSecureContext({ ca: join(folder, 'none.pem') }), { message: /ENOENT/ });
});
