import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { startTestGateway } from '../support/gateway.ts';
import { makeDirectory } from '../support/temporary.ts';
import { usersFile } from '../support/users.ts';

const routes = [{ upstream: 'http://127.0.0.1:1', access: 'public' }];

for (const listener of ['server', 'admin'] as const) {
  const configFor = (path: string) => ({
    server: {
      listen: '127.0.0.1:0',
      publicUrl: 'http://app.test',
      ...(listener === 'server' ? { listen: `unix:${path}` } : {}),
    },
    admin: { listen: listener === 'admin' ? `unix:${path}` : 'off' },
    routes,
  });

  test(`a file that is no socket is not removed for ${listener}.listen`, async (t) => {
    const path = join(await makeDirectory(t), 'notes.txt');
    await writeFile(path, 'keep me');
    await t.throwsAsync(startTestGateway({ config: configFor(path), users: usersFile() }), { code: 'listen-failed' });
    t.is(await readFile(path, 'utf8'), 'keep me');
  });

  test(`a socket that a living process answers on is not taken over for ${listener}.listen`, async (t) => {
    const path = join(await makeDirectory(t), 'live.sock');
    const living = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => living.listen(path, resolve));
    t.teardown(() => living.close());
    await t.throwsAsync(startTestGateway({ config: configFor(path), users: usersFile() }), { code: 'listen-failed' });
  });
}
