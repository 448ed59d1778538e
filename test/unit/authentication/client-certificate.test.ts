import test from 'ava';
import { createClientCertificateAuthenticator } from '../../../src/authentication/client-certificate/client-certificate.ts';
import { clientCertificateConfig } from '../../../src/authentication/client-certificate/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ClientCertificate } from '../../../src/request/facts.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const certificate: ClientCertificate = {
  subject: { CN: ['Alice'], OU: ['staff', 'editors'], O: ['Example'] },
  issuer: { O: ['Example'], CN: ['Users CA'] },
  emails: ['Alice@example.com'],
  dnsNames: [],
  uris: ['spiffe://example.com/alice'],
  fingerprint: 'ab'.repeat(32),
  serialNumber: '01',
  notAfterMs: 1_760_000_600_000,
};

function setUp(config: Readonly<Record<string, unknown>> = {}) {
  const runtime = createTestRuntime();
  const authenticate = createClientCertificateAuthenticator({
    config: clientCertificateConfig.parse(config),
    owns: async ({ user }) => user !== 'taken',
    isProxy: ({ peerAddress }) => peerAddress === '10.0.0.5',
    directory: { revision: 1 },
    runtime,
  });
  const ask = async (change: Partial<ClientCertificate> | null = {}, peerAddress = '192.0.2.7') =>
    authenticate(
      makeFacts({ peerAddress, clientCertificate: change === null ? null : { ...certificate, ...change } }),
      {
        acceptBasic: false,
        acceptTokens: false,
      },
    );
  const reasonOf = async (change: Partial<ClientCertificate>) => {
    const answer = await ask(change);
    return answer.kind === 'rejected' ? answer.reason : answer.kind;
  };
  return { ask, reasonOf, runtime };
}

test('a certificate is its holder, told by its issuer and the part that is the name', async (t) => {
  const { ask } = setUp({ groups: 'subject.OU', userPrefix: 'cert-' });
  const answer = await ask();
  t.like(answer, { kind: 'authenticated', session: null, amr: ['pop'], endsAtMs: certificate.notAfterMs });
  t.deepEqual(answer.kind === 'authenticated' ? answer.identity : null, {
    user: 'cert-alice',
    name: 'Alice',
    email: 'alice@example.com',
    groups: ['staff', 'editors'],
    claims: { fingerprint: ['ab'.repeat(32)], serial_number: ['01'] },
    method: 'client-certificate',
    issuer: 'certificate:[["CN",["Users CA"]],["O",["Example"]]]',
    subject: 'Alice',
  });
});

test('the name may stand in other parts', async (t) => {
  for (const [user, wanted] of [
    ['san.email', 'alice@example.com'],
    ['san.uri', 'spiffe://example.com/alice'],
    ['fingerprint', 'ab'.repeat(32)],
  ] as const) {
    const answer = await setUp({ user }).ask();
    t.is(answer.kind === 'authenticated' ? answer.identity.user : answer.kind, wanted);
  }
});

test('has no word without a certificate, for a proxy’s own, and for those of other issuers', async (t) => {
  t.is((await setUp().ask(null)).kind, 'none');
  t.is((await setUp().ask({}, '10.0.0.5')).kind, 'none');
  t.is((await setUp({ issuers: [{ CN: 'Users CA', O: 'Other' }] }).ask()).kind, 'none');
  t.is((await setUp({ issuers: [{ constructor: 'x' }] }).ask()).kind, 'none');
  t.is((await setUp({ issuers: [{ CN: 'Other' }, { CN: 'Users CA' }] }).ask()).kind, 'authenticated');
});

test('refuses a certificate that names nobody, several, or a group that can’t be one', async (t) => {
  const { reasonOf } = setUp({ groups: 'subject.OU' });
  for (const subject of [
    {},
    { CN: ['alice', 'bob'] },
    { CN: [''] },
    { CN: ['a\nb'] },
    { CN: ['alice'], OU: ['a,admins'] },
  ])
    t.is(await reasonOf({ subject }), 'certificate-names-nobody', JSON.stringify(subject));
});

test('refuses a name that is somebody else’s', async (t) => {
  t.is(await setUp().reasonOf({ subject: { CN: ['taken'] } }), 'name-taken');
});

test('ends with the certificate, though the connection goes on', async (t) => {
  const { reasonOf, runtime } = setUp();
  t.is(await reasonOf({}), 'authenticated');
  runtime.advance(600_000);
  t.is(await reasonOf({}), 'certificate-expired');
  t.is(await reasonOf({ notAfterMs: NaN }), 'certificate-expired');
});

test('needs the authorities that sign client certificates', (t) => {
  const faultsOf = (signIn: string): string => {
    const text = `signIn: { clientCertificate: ${signIn} }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`;
    const result = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
    return result.kind === 'faults' ? result.faults.map(({ path, message }) => `${path}: ${message}`).join() : '';
  };
  t.regex(faultsOf('{}'), /signIn\.clientCertificate: needs server\.tls\.clientCa/);
  t.regex(faultsOf('{ user: CN }'), /write subject\.CN/);
  t.regex(faultsOf('{ issuers: [{}] }'), /is empty; write attributes/);
});
