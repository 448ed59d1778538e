import { readFile } from 'node:fs/promises';
import baseTest, { type ExecutionContext } from 'ava';
import { hasOpenssl, makeAuthority, makeCertificate, type CertificateOptions } from '../../support/certificates.ts';
import { valuesOf } from '../../support/raw.ts';
import { askHttp2, converse, openHttp2, openTls, startTls, type TlsFixture } from '../front/support.ts';

const test = hasOpenssl ? baseTest : baseTest.skip;

async function setUp(t: ExecutionContext, clientCertificate: object) {
  const fixture = await startTls(t, {
    tls: async (authority) => ({ clientCa: authority.ca }),
    config: { signIn: { clientCertificate } },
    routes: (upstream) => [
      { id: 'app', path: '/app', upstream, access: [{ allow: { methods: ['client-certificate'] } }] },
      { id: 'admin', path: '/admin', upstream, access: [{ allow: { groups: ['admins'] } }] },
      { id: 'public', path: '/public', upstream, access: 'public' },
    ],
  });
  const client = async (options: CertificateOptions, authority = fixture.authority) => {
    const files = await makeCertificate(authority, { client: true, ...options });
    return { cert: await readFile(files.cert), key: await readFile(files.key) };
  };
  return { ...fixture, client };
}

async function get(t: ExecutionContext, fixture: TlsFixture, path: string, options: object, ...lines: string[]) {
  const socket = await openTls(t, fixture, options);
  const answer = await converse(
    socket,
    [`GET ${path} HTTP/1.1`, 'Host: app.test', ...lines, 'Connection: close', '\r\n'].join('\r\n'),
  );
  return { status: Number(answer.slice(9, 12)), answer };
}

test('a client certificate signs in over HTTP/1.1 and HTTP/2, and rules can ask for it', async (t) => {
  const fixture = await setUp(t, { groups: 'subject.OU' });
  const alice = await fixture.client({ commonName: 'Alice', subject: '/OU=admins', emails: ['alice@example.com'] });
  const mark = fixture.up.mark();
  t.is((await get(t, fixture, '/app/x', alice, 'Remote-User: evil')).status, 200);
  t.is((await get(t, fixture, '/admin/x', alice)).status, 200);
  const session = openHttp2(t, fixture, alice);
  const answer = await askHttp2(session, { ':path': '/app/h2', ':authority': 'app.test', ':scheme': 'https' });
  t.is(answer.status, 200);
  for (const request of mark.requests()) {
    t.deepEqual(valuesOf(request, 'remote-user'), ['alice']);
    t.deepEqual(valuesOf(request, 'remote-email'), ['alice@example.com']);
    t.deepEqual(valuesOf(request, 'remote-groups'), ['admins']);
  }
  t.is(mark.requests().length, 3);
});

test('who has none, or one of an authority that nobody trusts, is nobody', async (t) => {
  const fixture = await setUp(t, {});
  t.is((await get(t, fixture, '/app/x', {})).status, 401);
  t.is((await get(t, fixture, '/public/x', {})).status, 200);
  const stranger = await makeAuthority(fixture.folder, { name: 'Test Authority' });
  const mark = fixture.up.mark();
  const forged = await fixture.client({ commonName: 'alice' }, stranger);
  const expired = await fixture.client({ commonName: 'alice', expired: true });
  for (const bad of [forged, expired]) {
    const outcome = await get(t, fixture, '/app/x', bad).catch(() => ({ status: 0 }));
    t.not(outcome.status, 200);
  }
  t.is(mark.requests().length, 0);
});

test('an authority that is not among the issuers opens nothing, and its holder can still do without', async (t) => {
  const fixture = await setUp(t, { issuers: [{ CN: 'Users CA' }] });
  const users = await makeAuthority(fixture.folder, { name: 'Users CA', signedBy: fixture.authority });
  const machines = await makeAuthority(fixture.folder, { name: 'Machines CA', signedBy: fixture.authority });
  t.is((await get(t, fixture, '/app/x', await fixture.client({ commonName: 'alice' }, users))).status, 200);
  const machine = await fixture.client({ commonName: 'alice' }, machines);
  t.is((await get(t, fixture, '/app/x', machine)).status, 401);
  t.is((await get(t, fixture, '/public/x', machine)).status, 200);
});

test('two authorities may each sign an alice, and the second is refused the name', async (t) => {
  const fixture = await setUp(t, {});
  const [one, two] = [
    await makeAuthority(fixture.folder, { name: 'One CA', signedBy: fixture.authority }),
    await makeAuthority(fixture.folder, { name: 'Two CA', signedBy: fixture.authority }),
  ];
  t.is((await get(t, fixture, '/app/x', await fixture.client({ commonName: 'alice' }, one))).status, 200);
  t.is((await get(t, fixture, '/app/x', await fixture.client({ commonName: 'Alice' }, two))).status, 401);
  t.true(fixture.gateway.logs().some((line) => line.includes('name-taken')));
});
