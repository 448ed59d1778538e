import { readFile } from 'node:fs/promises';
import { connect as connectTls } from 'node:tls';
import { copyFile } from 'node:fs/promises';
import { once } from 'node:events';
import test from 'ava';
import { hasOpenssl, makeAuthority, makeCertificate } from '../../support/certificates.ts';
import { poll, spawnTestGateway } from '../../support/gateway.ts';
import { makeDirectory } from '../../support/temporary.ts';
import { startUpstream } from '../../support/upstream.ts';
import { askHttp2, openHttp2 } from './support.ts';

(hasOpenssl ? test : test.skip)('two workers speak TLS on one port, and both take a new certificate on', async (t) => {
  const folder = await makeDirectory(t);
  const authority = await makeAuthority(folder);
  const first = await makeCertificate(authority, { names: ['app.test'], commonName: 'first' });
  const second = await makeCertificate(authority, { names: ['app.test'], commonName: 'second' });
  const ca = await readFile(authority.ca);
  const up = await startUpstream();
  t.teardown(up.stop);
  const gateway = await spawnTestGateway({
    users: 'users: {}\n',
    isSecure: true,
    config: {
      server: { publicUrl: 'https://app.test', tls: { cert: first.cert, key: first.key }, workers: 2 },
      store: { url: 'sqlite:./sallyport.db' },
      routes: [{ upstream: up.origin, access: 'public' }],
    },
  });
  t.teardown(gateway.stop);
  const shown = async (): Promise<string> => {
    const socket = connectTls({ host: '127.0.0.1', port: gateway.port, servername: 'app.test', ca });
    await once(socket, 'secureConnect');
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return String(name);
  };
  t.is((await askHttp2(openHttp2(t, { gateway, ca }), { ':path': '/' })).status, 200);
  t.is(await shown(), 'first');
  await copyFile(second.key, first.key);
  await copyFile(second.cert, first.cert);
  await poll(async () => {
    const names = await Promise.all(Array.from({ length: 12 }, shown));
    return names.every((name) => name === 'second');
  });
  t.is((await askHttp2(openHttp2(t, { gateway, ca }), { ':path': '/' })).status, 200);
  gateway.signal('SIGTERM');
  await poll(() => gateway.exit() !== null);
  t.is(gateway.exit(), 0);
});
