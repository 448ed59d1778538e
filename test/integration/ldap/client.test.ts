import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { EqualityFilter } from 'ldapts';
import { createLdapClient, type LdapClientOptions } from '../../../src/sign-in/methods/ldap/client.ts';
import type { LdapConnection } from '../../../src/sign-in/methods/ldap/connection.ts';
import type { LdapServer, LdapTls } from '../../../src/sign-in/methods/ldap/socket.ts';
import { readLdapUrl } from '../../../src/sign-in/methods/ldap/url.ts';
import { startLdapStub, type StubRequest } from '../../support/ldap-stub.ts';
import { bindResponse, extendedResponse, searchDone, searchEntry } from '../../support/ldap-wire.ts';
import { eventually } from '../../support/programs.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { hasSlapd, service, startSlapd, suffix, type Slapd } from '../../support/slapd.ts';

const noTls: LdapTls = { ca: null, serverName: null, insecureSkipTlsVerify: false };

function server(url: string, startTls = false): LdapServer {
  const address = readLdapUrl(url);
  if (address === null) throw new Error(url);
  return {
    shown: url,
    host: address.host,
    port: address.port,
    security: address.isTls ? 'tls' : startTls ? 'start-tls' : 'none',
  };
}

function setUp(t: ExecutionContext, servers: readonly LdapServer[], more: Partial<LdapClientOptions> = {}) {
  const runtime = createTestRuntime();
  const client = createLdapClient({
    servers,
    tls: noTls,
    service: { name: service.bindDn, password: service.bindPassword },
    poolSize: 2,
    connectTimeoutMs: 1_500,
    requestTimeoutMs: 1_500,
    runtime,
    ...more,
  });
  t.teardown(client.close);
  return { client, runtime };
}

const find = (uid: string) => (connection: LdapConnection) =>
  connection.search({
    base: suffix,
    scope: 'sub',
    filter: new EqualityFilter({ attribute: 'uid', value: uid }),
    attributes: ['cn'],
    sizeLimit: 2,
  });

const unavailable = { code: 'directory-unavailable' };

const whenSlapd = hasSlapd ? test : test.skip;
const isSearch = ({ operation }: StubRequest): boolean => operation === 0x63;

async function slapdOf(t: ExecutionContext): Promise<Slapd> {
  const slapd = await startSlapd();
  t.teardown(slapd.stop);
  return slapd;
}

whenSlapd(
  'searches over StartTLS and ldaps with a private authority, and binds the service account once',
  async (t) => {
    const slapd = await slapdOf(t);
    const tls = { ...noTls, ca: [readFileSync(slapd.ca, 'utf8')] };
    for (const way of [server(slapd.url, true), server(slapd.tlsUrl)]) {
      const { client } = setUp(t, [way], { tls });
      const before = slapd.bindsAs(service.bindDn);
      for (let i = 0; i < 3; i += 1) {
        const outcome = await client.asService(find('bob'));
        t.is(outcome.kind === 'entries' && outcome.entries[0]?.dn, `uid=bob,ou=people,${suffix}`);
      }
      await eventually('the bind is logged', () => slapd.bindsAs(service.bindDn) > before);
      t.is(slapd.bindsAs(service.bindDn), before + 1);
    }
    t.regex(slapd.log(), /STARTTLS|EXT oid=1\.3\.6\.1\.4\.1\.1466\.20037/);
  },
);

whenSlapd('a certificate of an unknown authority, or for another name, is not accepted unless told so', async (t) => {
  const slapd = await slapdOf(t);
  const ca = [readFileSync(slapd.ca, 'utf8')];
  const cases: readonly (readonly [LdapTls, boolean])[] = [
    [noTls, false],
    [{ ...noTls, ca, serverName: 'other.example.test' }, false],
    [{ ...noTls, ca, serverName: 'ldap.example.test' }, true],
    [{ ...noTls, insecureSkipTlsVerify: true }, true],
  ];
  for (const way of [server(slapd.url, true), server(slapd.tlsUrl)])
    for (const [tls, isGood] of cases) {
      const { client } = setUp(t, [way], { tls });
      if (isGood) await t.notThrowsAsync(client.asService(find('bob')));
      else await t.throwsAsync(client.asService(find('bob')), unavailable);
    }
  t.is(slapd.bindsAs(service.bindDn), 4, 'nothing was said to a server that was not believed');
});

whenSlapd('a search in a server that restarted, was closed or stands still comes back or fails in time', async (t) => {
  const slapd = await slapdOf(t);
  const { client } = setUp(t, [server(slapd.url)]);
  await client.asService(find('bob'));
  await slapd.halt();
  await slapd.restart();
  t.is((await client.asService(find('bob'))).kind, 'entries', 'on a new connection');
  await slapd.freeze();
  const startedAt = Date.now();
  await t.throwsAsync(client.asService(find('bob')), unavailable);
  t.true(Date.now() - startedAt < 10_000);
  slapd.thaw();
  t.is((await client.asService(find('bob'))).kind, 'entries');
});

whenSlapd(
  'an entry of a referral is left alone, and a wrong service password is not tried over and over',
  async (t) => {
    const slapd = await startSlapd({
      ldif: `dn: ou=elsewhere,${suffix}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\nref: ldap://127.0.0.1:1/ou=elsewhere\n`,
    });
    t.teardown(slapd.stop);
    const { client } = setUp(t, [server(slapd.url)]);
    const outcome = await client.asService(find('bob'));
    t.is(outcome.kind === 'entries' && outcome.entries.length, 1);
    const wrong = setUp(t, [server(slapd.url)], { service: { name: service.bindDn, password: 'wrong' } });
    const before = slapd.bindsAs(service.bindDn);
    for (let i = 0; i < 3; i += 1)
      await t.throwsAsync(wrong.client.asService(find('bob')), { code: 'directory-refused' });
    await eventually('the bind is logged', () => slapd.bindsAs(service.bindDn) > before);
    t.is(slapd.bindsAs(service.bindDn), before + 1);
    wrong.runtime.advance(31_000);
    await t.throwsAsync(wrong.client.asService(find('bob')), { code: 'directory-refused' });
    await eventually('it is tried again', () => slapd.bindsAs(service.bindDn) === before + 2);
  },
);

const good = (request: StubRequest): Buffer =>
  isSearch(request)
    ? Buffer.concat([searchEntry(request.id, 'uid=a,dc=x', { cn: ['A'] }), searchDone(request.id, 0)])
    : bindResponse(request.id, 0);

test('the next server is asked when one is down, silent or going down, and the first again later', async (t) => {
  const healthy = await startLdapStub((request, socket) => void socket.write(good(request)));
  t.teardown(healthy.stop);
  const troubles: ((request: StubRequest) => Buffer | null)[] = [
    () => null,
    (request) => (isSearch(request) ? null : bindResponse(request.id, 0)),
    (request) => (isSearch(request) ? searchDone(request.id, 52) : bindResponse(request.id, 0)),
  ];
  for (const trouble of troubles) {
    let isWell = false;
    const first = await startLdapStub((request, socket) => {
      const answer = isWell ? good(request) : trouble(request);
      if (answer !== null) socket.write(answer);
    });
    t.teardown(first.stop);
    const { client, runtime } = setUp(t, [server(first.url), server(healthy.url)], { requestTimeoutMs: 300 });
    t.is((await client.asService(find('a'))).kind, 'entries');
    const asked = first.connections();
    t.is((await client.unbound(find('a'))).kind, 'entries');
    t.is(first.connections(), asked, 'it is avoided for a while');
    isWell = true;
    runtime.advance(31_000);
    await client.unbound(find('a'));
    t.true(first.connections() > asked);
  }
});

test('garbage, floods and answers to nobody end the connection, not the process', async (t) => {
  const answers: ((id: number) => Buffer)[] = [
    () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    () => Buffer.alloc(64, 0x30),
    (id) => searchDone(id + 1, 0),
    (id) => bindResponse(id, 0),
    () => Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]),
    (id) => Buffer.concat([searchEntry(id, 'cn=a', {}).subarray(0, 12), Buffer.alloc(0)]),
    (id) => searchEntry(id, 'cn=a', { cn: ['x'.repeat(60_000)] }),
    () => Buffer.alloc(0),
  ];
  let answer = answers[0];
  const stub = await startLdapStub((request, socket) => {
    if (!isSearch(request)) return void socket.write(bindResponse(request.id, 0));
    const bytes = answer?.(request.id) ?? Buffer.alloc(0);
    if (bytes.length === 0) return void socket.destroy();
    // The entry comes without end.
    for (let i = 0; i < (bytes.length > 50_000 ? 100 : 1); i += 1) socket.write(bytes);
  });
  t.teardown(stub.stop);
  for (answer of answers) {
    const { client } = setUp(t, [server(stub.url)], { requestTimeoutMs: 400 });
    await t.throwsAsync(client.asService(find('a')), unavailable);
  }
});

test('StartTLS is never given up: refusals, silence, and words between consent and handshake', async (t) => {
  const isStartTls = ({ operation }: StubRequest): boolean => operation === 0x77;
  const answers: ((id: number) => readonly Buffer[])[] = [
    (id) => [extendedResponse(id, 2, 'unsupported')],
    (id) => [bindResponse(id, 0)],
    () => [],
    // What comes along in the clear would be taken for the server's word under TLS.
    (id) => [Buffer.concat([extendedResponse(id, 0), bindResponse(2, 0)])],
    (id) => [extendedResponse(id, 0), Buffer.from('not TLS at all, and a lot of it')],
    () => [Buffer.from('garbage')],
  ];
  for (const answer of answers) {
    const stub = await startLdapStub((request, socket) => {
      if (isStartTls(request)) for (const bytes of answer(request.id)) socket.write(bytes);
    });
    t.teardown(stub.stop);
    const { client } = setUp(t, [server(stub.url, true)], { connectTimeoutMs: 400 });
    await t.throwsAsync(
      client.unbound((connection) => connection.bind('cn=a', 'secret')),
      unavailable,
    );
    t.false(stub.requests.some(({ operation }) => operation === 0x60));
    t.false(stub.requests.some(({ bytes }) => bytes.includes('secret')));
  }
});

whenSlapd('a connection that was cut behind StartTLS is not opened again in the clear', async (t) => {
  const slapd = await slapdOf(t);
  const { client } = setUp(t, [server(slapd.url, true)], { tls: { ...noTls, ca: [readFileSync(slapd.ca, 'utf8')] } });
  await t.throwsAsync(
    client.unbound(async (connection) => {
      await slapd.halt();
      await slapd.restart();
      return connection.bind(`uid=bob,ou=people,${suffix}`, 'bob secret');
    }),
    unavailable,
  );
  t.false(slapd.log().includes('BIND dn="uid=bob'));
});

test('an empty name or password never goes out', async (t) => {
  const stub = await startLdapStub((request, socket) => void socket.write(good(request)));
  t.teardown(stub.stop);
  const { client } = setUp(t, [server(stub.url)]);
  for (const [name, password] of [
    ['cn=a', ''],
    ['', 'x'],
  ] as const)
    await t.throwsAsync(
      client.unbound((connection) => connection.bind(name, password)),
      { code: 'internal' },
    );
  t.is(stub.requests.filter(({ operation }) => operation === 0x60).length, 0);
});

test('no more connections than the pool allows, the others wait their turn', async (t) => {
  let open = 0;
  let most = 0;
  const stub = await startLdapStub(
    (request, socket) => {
      setTimeout(() => socket.write(good(request)), 15);
    },
    {
      onConnect: (socket) => {
        open += 1;
        most = Math.max(most, open);
        socket.on('close', () => (open -= 1));
      },
    },
  );
  t.teardown(stub.stop);
  const { client } = setUp(t, [server(stub.url)]);
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => client.asService(find('a'))));
  t.is(outcomes.length, 12);
  t.true(most <= 2);
  client.close();
  await eventually('idle connections are closed', () => open === 0);
});
