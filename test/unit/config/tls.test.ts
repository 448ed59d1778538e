import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { describeFault } from '../../../src/faults.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { hasOpenssl, makeAuthority, makeCertificate } from '../../support/certificates.ts';

const withOpenssl = hasOpenssl ? test : test.skip;

/** What is said of a configuration whose `server` is this; the configuration when nothing is. */
function load(server: string, directory = mkdtempSync(join(tmpdir(), 'sallyport-test-'))) {
  const file = join(directory, 'sallyport.yaml');
  const indented = server.trim().replaceAll(/^/gm, '  ');
  writeFileSync(file, `routes: [{ upstream: "http://127.0.0.1:3000" }]\nserver:\n${indented}\n`);
  const result = loadConfig({ file, env: {} });
  rmSync(directory, { recursive: true });
  if (result.kind === 'faults') return result.faults.map((fault) => describeFault(fault).replace(`${file}:`, ''));
  return result.config.server;
}

for (const [what, { server, fault }] of Object.entries({
  'a certificate without its key': {
    server: 'tls: { cert: a.crt }',
    fault: /^3:8: server\.tls: has a cert alone; write key too$/,
  },
  'tls without a certificate': {
    server: 'tls: { minVersion: "1.3" }',
    fault: /^3:8: server\.tls: needs cert and key, or certificates$/,
  },
  'a certificate beside a list of them': {
    server: 'tls: { cert: a, key: b, certificates: [{ cert: a, key: b }] }',
    fault: /server\.tls\.certificates: stands beside cert or key; put them into the list$/,
  },
  'a file that is not there': {
    server: 'tls: { cert: a.crt, key: a.key }',
    fault: /^3:8: server\.tls.*: could not read the certificate .*a\.crt: ENOENT/,
  },
  'a version that is too old': {
    server: 'tls: { cert: a, key: b, minVersion: "1.0" }',
    fault: /server\.tls\.minVersion: .*1\.2/,
  },
  'a mode of client certificates without authorities': {
    server: 'tls: { cert: a, key: b, clientCertificates: required }',
    fault: /server\.tls\.clientCertificates: needs clientCa/,
  },
  'tls at an address without a certificate': {
    server: 'listen: { address: "127.0.0.1:8443", tls: true }',
    fault: /^3:11: server\.listen: asks for tls at an address, but there is no certificate; write server\.tls$/,
  },
  'a redirect to http': {
    server: 'redirectHttp: 127.0.0.1:80',
    fault: /^3:17: server\.redirectHttp: leads to https, but server\.publicUrl is http; write its https origin$/,
  },
  'the PROXY protocol from nobody': {
    server: 'proxyProtocol: true',
    fault: /^3:18: server\.proxyProtocol: needs server\.trustedProxies/,
  },
  'a limit out of its bounds': {
    server: 'limits: { headerBytes: 2KiB }',
    fault: /server\.limits\.headerBytes: must be from 4KiB to 1MiB$/,
  },
  'a limit that is no size': { server: 'limits: { headerBytes: lots }', fault: /is not a size; write 16KiB/ },
  'an unknown limit': { server: 'limits: { headerByte: 16KiB }', fault: /headerByte.*did you mean headerBytes/ },
  'one address twice': {
    server: 'publicUrl: https://app.test\nlisten: 127.0.0.1:80\nredirectHttp: 127.0.0.1:80',
    fault: /names 127\.0\.0\.1:80 twice/,
  },
}))
  test(`refuses ${what}`, (t) => {
    const said = load(server);
    if (!Array.isArray(said)) return t.fail('it was taken');
    t.true(
      said.some((line) => fault.test(line)),
      said.join('\n'),
    );
  });

withOpenssl('makes paths absolute and publicUrl https; an address may stay plain', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  const { cert, key } = await makeCertificate(await makeAuthority(directory), { names: ['app.test'] });
  const relative = (path: string) => path.slice(directory.length + 1);
  const server = load(
    `tls: { cert: ${relative(cert)}, key: ${relative(key)} }\nlisten: ["127.0.0.1:8443", { address: "127.0.0.1:8080", tls: false }]`,
    directory,
  );
  t.like(server, {
    publicUrl: 'https://localhost:8443',
    tls: { certificates: [{ cert, key }], minVersion: '1.2' },
    listen: [
      { kind: 'tcp', port: 8443 },
      { kind: 'tcp', port: 8080, tls: false },
    ],
  });
});
