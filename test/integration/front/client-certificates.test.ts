import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createRequestReader } from '../../../src/request/read.ts';
import { loadCertificates } from '../../../src/server/tls/certificates.ts';
import type { TlsConfig } from '../../../src/server/tls/config.ts';
import { createTlsConnections } from '../../../src/server/tls/door.ts';
import { limitsConfig } from '../../../src/server/limits/config.ts';
import { listen } from '../../../src/server/listen.ts';
import { hasOpenssl, makeAuthority, makeCertificate, type Certificate } from '../../support/certificates.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { makeDirectory } from '../../support/temporary.ts';
import { askHttp2, converse, openHttp2, openTls } from './support.ts';

const run = hasOpenssl ? test : test.skip;

/** A listener that answers with what the reader believes of the client's certificate. */
async function startListener(
  t: ExecutionContext,
  mode: 'optional' | 'required',
  { trustedProxies = [] }: { readonly trustedProxies?: readonly string[] } = {},
) {
  const folder = await makeDirectory(t);
  const servers = await makeAuthority(folder);
  const clients = await makeAuthority(folder, { name: 'Client Authority' });
  const mine = await makeCertificate(servers, { names: ['app.test'] });
  const runtime = createTestRuntime(Date.now());
  const config: TlsConfig = {
    certificates: [mine],
    minVersion: '1.2',
    clientCa: clients.ca,
    clientCertificates: mode,
  };
  const connections = createTlsConnections();
  const read = createRequestReader({
    trustedProxies,
    publicUrl: 'https://app.test',
    sessionCookieName: 'sallyport',
    nextRequestId: () => 'r',
    now: Date.now,
    tlsOf: connections.of,
  });
  const listener = await listen({
    entry: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    handlers: {
      request: (request: IncomingMessage, response: ServerResponse) => {
        const result = read(request);
        const said = result.kind === 'facts' ? result.facts.clientCertificate : result.unreadable;
        response.writeHead(200, 'OK', ['Connection', 'close']);
        response.end(JSON.stringify(said));
      },
      upgrade: (_request, socket) => socket.destroy(),
      unreadable: (_status, socket) => socket.destroy(),
    },
    limits: limitsConfig.parse({}),
    tls: { config, certificates: loadCertificates(config, runtime), connections },
    proxyProtocol: null,
    runtime,
  });
  t.teardown(async () => {
    const drained = listener.drain();
    listener.cut();
    await drained;
  });
  const { port } = listener.address as AddressInfo;
  return { gateway: { port }, ca: await readFile(servers.ca), clients, folder, lines: runtime.lines };
}

async function pem({ cert, key }: Certificate): Promise<{ cert: Buffer; key: Buffer }> {
  return { cert: await readFile(cert), key: await readFile(key) };
}

const get = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';
const bodyOf = (text: string): unknown => {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, '');
  return JSON.parse(Buffer.from(body, 'latin1').toString());
};

run('tells what a verified client certificate says, over both protocols', async (t) => {
  const fixture = await startListener(t, 'optional');
  const certificate = await makeCertificate(fixture.clients, {
    client: true,
    commonName: 'Zo\u00eb, of "Lab"',
    subject: '/O=Example/OU=One/OU=Two',
    names: ['laptop.test'],
    emails: ['zoe@example.test'],
    uris: ['spiffe://example.test/zoe'],
  });
  const mine = await pem(certificate);
  const answer = await askHttp2(openHttp2(t, fixture, mine), { ':authority': 'app.test', ':path': '/' });
  const told = JSON.parse(answer.body.toString()) as Record<string, unknown>;
  t.like(told, {
    subject: { O: ['Example'], OU: ['One', 'Two'], CN: ['Zo\u00eb, of "Lab"'] },
    issuer: { CN: ['Client Authority'] },
    emails: ['zoe@example.test'],
    dnsNames: ['laptop.test'],
    uris: ['spiffe://example.test/zoe'],
  });
  t.regex(String(told['fingerprint']), /^[0-9a-f]{64}$/);
  t.regex(String(told['serialNumber']), /^[0-9a-f]+$/);
  t.true(Number(told['notAfterMs']) > Date.now());
  const text = await converse(await openTls(t, fixture, mine), get);
  t.deepEqual(bodyOf(text), told);
});

run('lets clients in without a certificate where it is optional', async (t) => {
  const fixture = await startListener(t, 'optional');
  t.is(bodyOf(await converse(await openTls(t, fixture), get)), null);
});

run('refuses a certificate that the authorities did not sign, that is over, or that is a server\u2019s', async (t) => {
  const fixture = await startListener(t, 'optional');
  const stranger = await makeAuthority(fixture.folder, { name: 'Client Authority' });
  for (const [what, certificate] of Object.entries({
    stranger: await makeCertificate(stranger, { client: true }),
    expired: await makeCertificate(fixture.clients, { client: true, expired: true }),
    server: await makeCertificate(fixture.clients, { names: ['app.test'] }),
  })) {
    // TLS 1.3 tells a client of its refusal only with the first bytes that it reads.
    const answered = await openTls(t, fixture, await pem(certificate)).then(
      (socket) => converse(socket, get),
      () => '',
    );
    t.is(answered, '', what);
  }
  t.is(fixture.lines.filter(({ event }) => event === 'tls.client-refused').length, 3);
});

run('lets nobody in without a certificate where it is required', async (t) => {
  const fixture = await startListener(t, 'required');
  const answered = await openTls(t, fixture).then(
    (socket) => converse(socket, get),
    () => '',
  );
  t.is(answered, '');
  const mine = await pem(await makeCertificate(fixture.clients, { client: true, commonName: 'alice' }));
  t.like(bodyOf(await converse(await openTls(t, fixture, mine), get)), { subject: { CN: ['alice'] } });
});

run('does not resume the session of a client certificate', async (t) => {
  const fixture = await startListener(t, 'optional');
  const mine = await pem(await makeCertificate(fixture.clients, { client: true }));
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await openTls(t, fixture, { ...mine, maxVersion });
    const sessions: Buffer[] = [];
    first.on('session', (session: Buffer) => sessions.push(session));
    await converse(first, get);
    const [session = first.getSession()] = sessions;
    const second = await openTls(t, fixture, { maxVersion, ...(session === undefined ? {} : { session }) });
    t.false(second.isSessionReused(), maxVersion);
    t.is(bodyOf(await converse(second, get)), null);
  }
});

run('takes a proxy\u2019s certificate for nobody\u2019s', async (t) => {
  const fixture = await startListener(t, 'optional', { trustedProxies: ['127.0.0.1'] });
  const mine = await pem(await makeCertificate(fixture.clients, { client: true }));
  t.is(bodyOf(await converse(await openTls(t, fixture, mine), get)), null);
});

run('believes no certificate for a host that the connection was not made for', async (t) => {
  const fixture = await startListener(t, 'optional');
  const mine = await pem(await makeCertificate(fixture.clients, { client: true }));
  const answer = await askHttp2(openHttp2(t, fixture, mine), { ':authority': 'admin.test', ':path': '/' });
  t.like(JSON.parse(answer.body.toString()), { status: 421, reason: 'misdirected-request' });
});
