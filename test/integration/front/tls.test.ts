import { copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { hasOpenssl, makeAuthority, makeCertificate } from '../../support/certificates.ts';
import { poll } from '../../support/gateway.ts';
import { findProgram, run as runProgram } from '../../support/programs.ts';
import { askHttp2, converse, openHttp2, openTls, startTls, type TlsFixture } from './support.ts';

const run = hasOpenssl ? test : test.skip;
const curl = findProgram('curl');

/** Common name of the certificate that a client is shown. */
async function shownTo(
  t: Parameters<typeof openTls>[0],
  fixture: TlsFixture,
  servername: string | undefined,
): Promise<string> {
  const socket = await openTls(t, fixture, { servername, rejectUnauthorized: false });
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

run('serves HTTP/2 and HTTP/1.1 over TLS on one port, by ALPN', async (t) => {
  const fixture = await startTls(t);
  const session = openHttp2(t, fixture);
  const answer = await askHttp2(session, { ':path': '/a?b=c', 'x-test': 'one' });
  t.is(answer.status, 200);
  t.is(answer.body.toString(), 'ok GET /a?b=c');
  t.is(session.alpnProtocol, 'h2');
  const socket = await openTls(t, fixture);
  t.is(socket.alpnProtocol, 'http/1.1');
  const text = await converse(socket, 'GET /d HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
  t.regex(text, /^HTTP\/1\.1 200 OK\r\n/);
  t.true(text.endsWith('ok GET /d'));
  const plain = await openTls(t, fixture, { ALPNProtocols: [] });
  t.regex(await converse(plain, 'GET / HTTP/1.0\r\nHost: app.test\r\n\r\n'), /^HTTP\/1\.1 200/);
  await t.throwsAsync(openTls(t, fixture, { ALPNProtocols: ['spdy/3'] }));
});

(hasOpenssl && curl !== null ? test : test.skip)('is understood by curl over HTTP/2', async (t) => {
  const fixture = await startTls(t);
  const place = `app.test:${String(fixture.gateway.port)}`;
  const connectTo = `${place}:127.0.0.1:${String(fixture.gateway.port)}`;
  const common = ['-sS', '--http2', '--cacert', fixture.authority.ca, '--connect-to', connectTo];
  const ran = await runProgram(curl ?? '', [
    ...common,
    '-w',
    ' %{http_version} %{http_code}',
    '-d',
    'some=form',
    `https://${place}/form`,
  ]);
  t.is(ran.stdout, 'ok POST /form 2 200', ran.stderr);
});

run('is as strict with HTTP/1.1 over TLS as without', async (t) => {
  const fixture = await startTls(t);
  for (const [bytes, status] of [
    ['GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['GET /a HTTP/2.0\r\nHost: app.test\r\n\r\n', 505],
    ['rubbish\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ] as const) {
    const text = await converse(await openTls(t, fixture), bytes);
    t.true(text.startsWith(`HTTP/1.1 ${String(status)} `), `${bytes.slice(0, 60)}: ${text.slice(0, 40)}`);
  }
  t.deepEqual(fixture.up.requests, []);
});

run('speaks TLS 1.2 and 1.3, and nothing weak', async (t) => {
  const fixture = await startTls(t);
  t.is((await openTls(t, fixture)).getProtocol(), 'TLSv1.3');
  t.is((await openTls(t, fixture, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
  const weak = { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  await t.throwsAsync(openTls(t, fixture, { ...weak, maxVersion: 'TLSv1.1' }));
  for (const ciphers of ['AES128-SHA', 'AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA'])
    await t.throwsAsync(
      openTls(t, fixture, { maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` }),
      undefined,
      ciphers,
    );
});

run('speaks TLS 1.3 alone where it is told to', async (t) => {
  const fixture = await startTls(t, { tls: async () => ({ minVersion: '1.3' }) });
  t.is((await openTls(t, fixture)).getProtocol(), 'TLSv1.3');
  await t.throwsAsync(openTls(t, fixture, { maxVersion: 'TLSv1.2' }));
});

run('shows the certificate of the name that a client asks for: exact, wildcard, else the first', async (t) => {
  const fixture = await startTls(t, {
    tls: async (authority) => {
      const of = (...names: string[]) => makeCertificate(authority, { names });
      return {
        certificates: [await of('first.test'), await of('*.wild.test'), await of('exact.wild.test', 'other.test')],
      };
    },
  });
  t.is(await shownTo(t, fixture, 'first.test'), 'first.test');
  t.is(await shownTo(t, fixture, 'a.wild.test'), '*.wild.test');
  t.is(await shownTo(t, fixture, 'A.WILD.test'), '*.wild.test');
  t.is(await shownTo(t, fixture, 'a.b.wild.test'), 'first.test');
  t.is(await shownTo(t, fixture, 'exact.wild.test'), 'exact.wild.test');
  t.is(await shownTo(t, fixture, 'other.test'), 'exact.wild.test');
  t.is(await shownTo(t, fixture, 'unknown.test'), 'first.test');
  t.is(await shownTo(t, fixture, undefined), 'first.test');
});

run('takes new certificates on without dropping a connection, and keeps the old for a broken pair', async (t) => {
  const fixture = await startTls(t);
  const { certificate, gateway, authority } = fixture;
  const session = openHttp2(t, fixture);
  await askHttp2(session, { ':path': '/before' });
  const next = await makeCertificate(authority, { names: ['next.test', 'app.test'] });
  const count = (event: string) => gateway.logs().filter((line) => line.includes(event)).length;

  // The new key is not there yet: the pair does not belong together.
  await copyFile(next.cert, `${certificate.cert}.new`);
  await rename(`${certificate.cert}.new`, certificate.cert);
  await poll(() => count('tls.certificate-refused') === 1);
  t.regex(gateway.logs().find((line) => line.includes('tls.certificate-refused')) ?? '', /does not belong/);
  t.is(await shownTo(t, fixture, 'app.test'), 'app.test');
  t.is(await shownTo(t, fixture, undefined), 'app.test');

  await copyFile(next.key, `${certificate.key}.new`);
  await rename(`${certificate.key}.new`, certificate.key);
  await poll(async () => (await shownTo(t, fixture, 'app.test')) === 'next.test');
  t.is(await shownTo(t, fixture, undefined), 'next.test');
  t.is((await askHttp2(session, { ':path': '/after' })).status, 200);

  const refused = count('tls.certificate-refused');
  await writeFile(certificate.cert, 'rubbish');
  await poll(() => count('tls.certificate-refused') > refused);
  t.is(await shownTo(t, fixture, 'app.test'), 'next.test');
});

run('follows a swapped symbolic link, as Kubernetes makes them', async (t) => {
  const fixture = await startTls(t, {
    tls: async (authority, folder) => {
      for (const version of ['one', 'two']) {
        const made = await makeCertificate(authority, { names: ['app.test'], commonName: version });
        await mkdir(join(folder, version));
        await copyFile(made.cert, join(folder, version, 'tls.crt'));
        await copyFile(made.key, join(folder, version, 'tls.key'));
      }
      await symlink('one', join(folder, '..data'));
      const files = { cert: join(folder, 'linked.crt'), key: join(folder, 'linked.key') };
      await symlink('..data/tls.crt', files.cert);
      await symlink('..data/tls.key', files.key);
      return { certificates: [files] };
    },
  });
  t.is(await shownTo(t, fixture, 'app.test'), 'one');
  await symlink('two', join(fixture.folder, '..data.new'));
  await rename(join(fixture.folder, '..data.new'), join(fixture.folder, '..data'));
  await poll(async () => (await shownTo(t, fixture, 'app.test')) === 'two');
});

run('answers 421 to a host that the certificate of the connection is not good for', async (t) => {
  const fixture = await startTls(t, {
    tls: async (authority) => ({
      certificates: [
        await makeCertificate(authority, { names: ['app.test', 'too.test', '*.apps.test'] }),
        await makeCertificate(authority, { names: ['admin.test'] }),
      ],
    }),
  });
  const session = openHttp2(t, fixture);
  const ask = async (authority: string) => (await askHttp2(session, { ':authority': authority, ':path': '/' })).status;
  t.is(await ask('app.test'), 200);
  t.is(await ask('too.test'), 200);
  t.is(await ask('a.apps.test'), 200);
  t.is(await ask('admin.test'), 421);
  t.is(await ask('a.b.apps.test'), 421);
  const socket = await openTls(t, fixture);
  t.regex(
    await converse(socket, 'GET / HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 421 /,
  );
  t.is(fixture.up.requests.length, 3);
});

run('refuses to start with certificates that can not be used, and says why', async (t) => {
  const other = async (what: 'missing' | 'other-key' | 'rubbish') =>
    startTls(t, {
      tls: async (authority, folder) => {
        const one = await makeCertificate(authority, { names: ['app.test'] });
        const two = await makeCertificate(authority, { names: ['app.test'] });
        if (what === 'rubbish') await writeFile(two.key, await readFile(one.cert));
        return { certificates: [{ cert: one.cert, key: what === 'missing' ? join(folder, 'none') : two.key }] };
      },
    });
  await t.throwsAsync(other('missing'), { message: /ENOENT|can't be read/ });
  await t.throwsAsync(other('other-key'), { message: /does not belong to the certificate/ });
  await t.throwsAsync(other('rubbish'), { message: /could not read the private key/ });
});

run('a client with a certificate of its own may come in where none is asked for', async (t) => {
  const fixture = await startTls(t);
  const mine = await makeCertificate(await makeAuthority(fixture.folder), { client: true });
  const session = openHttp2(t, fixture, { cert: await readFile(mine.cert), key: await readFile(mine.key) });
  t.is((await askHttp2(session, { ':path': '/' })).status, 200);
});
