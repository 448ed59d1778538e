import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hasOpenssl, makeAuthority, makeCertificate } from '../support/certificates.ts';
import { spawnTestGateway } from '../support/gateway.ts';
import { eventually } from '../support/programs.ts';
import { sendTo } from '../support/visitor.ts';

const when = hasOpenssl ? test : test.skip;

when(
  'takes changed certificates of an upstream over by itself, and keeps the old ones when the new ones are faulty',
  async (t) => {
    t.timeout(60_000);
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-upstream-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const authority = await makeAuthority(folder);
    const stranger = await makeAuthority(folder, { name: 'Stranger' });
    const { cert, key } = await makeCertificate(authority, { ips: ['127.0.0.1'] });
    const app = createServer({ cert: await readFile(cert), key: await readFile(key) }, (_request, response) =>
      response.end('secure'),
    );
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      app.closeAllConnections();
      app.close();
    });
    const { port } = app.address() as AddressInfo;
    const gateway = await spawnTestGateway({
      config: {
        routes: [
          {
            upstream: { targets: `https://127.0.0.1:${port}`, tls: { ca: './ca.pem' } },
            access: 'public',
          },
        ],
      },
      users: 'users: {}\n',
      files: { 'ca.pem': await readFile(stranger.ca, 'utf8') },
    });
    t.teardown(gateway.stop);
    const file = join(gateway.directory, 'ca.pem');
    const status = async (): Promise<number> => (await sendTo(gateway.port, '/')).status;
    t.is(await status(), 502);
    await writeFile(file, await readFile(authority.ca));
    await eventually('the new authority is believed', async () => (await status()) === 200);
    await writeFile(file, 'nonsense');
    const said = (): string | undefined => gateway.logs().find((line) => line.includes('config.refused'));
    await eventually('the faulty file is told of', () => said() !== undefined);
    t.regex(said()!, /could not find a certificate in/);
    t.is(await status(), 200);
  },
);
