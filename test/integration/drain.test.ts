import test from 'ava';
import { spawnTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed } from '../support/visitor.ts';

// SIGTERM: ready turns false, what runs finishes, what is open is told, the process ends with 0.
const password = 'correct horse battery staple';

async function setScene(end: (teardown: () => Promise<void>) => void, server: Record<string, unknown>) {
  const app = await startStoryApp();
  end(app.stop);
  const gateway = await spawnTestGateway({
    config: {
      server,
      store: { url: 'sqlite:./sallyport.db' },
      routes: [{ id: 'app', path: '/', upstream: app.origin }],
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  end(gateway.stop);
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  return { app, gateway, alice };
}

for (const workers of [1, 2]) {
  test(`lets a running request finish and closes WebSockets with 1001 on SIGTERM, with ${workers} worker(s)`, async (t) => {
    t.timeout(100_000);
    const { app, gateway, alice } = await setScene((end) => t.teardown(end), { workers, drainTimeout: '30s' });
    t.is((await sendTo(gateway.adminPort, '/readyz')).status, 200);
    const socket = await alice.openSocket('/ws');
    const closed = socketClosed(socket);
    const held = alice.send('/held');
    await eventually('the request is under way', () => app.held() === 1);

    gateway.signal('SIGTERM');
    t.is(await closed, 1001);
    await eventually('ready turns false', async () => (await sendTo(gateway.adminPort, '/readyz')).status === 503);
    await eventually('no new connection is taken', () =>
      sendTo(gateway.port, '/_auth/health').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      ),
    );
    t.is(gateway.exit(), null, 'the process waits for the running request');
    app.release();
    const finished = await held;
    t.is(finished.status, 200);
    t.is(finished.text, 'held\nreleased\n');
    t.is(await eventually('the process ends', () => (gateway.exit() === null ? null : String(gateway.exit()))), '0');
  });
}

test('cuts what still runs when the drain timeout is over, and ends with 0 all the same', async (t) => {
  t.timeout(100_000);
  const { app, gateway, alice } = await setScene((end) => t.teardown(end), { drainTimeout: '1s' });
  const held = alice.send('/held').then(
    (reply) => reply.status,
    () => 'cut',
  );
  await eventually('the request is under way', () => app.held() === 1);
  gateway.signal('SIGTERM');
  t.is(await eventually('the process ends', () => (gateway.exit() === null ? null : String(gateway.exit()))), '0');
  t.is(await held, 'cut');
});

test('ends at once and with 0 when nothing runs, also on SIGINT and with idle keep-alive connections', async (t) => {
  t.timeout(100_000);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { gateway } = await setScene((end) => t.teardown(end), { drainTimeout: '60s' });
    const idle = await fetch(`http://127.0.0.1:${gateway.port}/_auth/health`);
    await idle.arrayBuffer();
    gateway.signal(signal);
    t.is(await eventually('the process ends', () => (gateway.exit() === null ? null : String(gateway.exit()))), '0');
  }
});
