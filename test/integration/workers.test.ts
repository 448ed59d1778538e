import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { launchSallyport, sallyport } from '../support/cli.ts';
import { spawnTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { childrenOf } from '../support/process-figures.ts';
import { eventually } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed } from '../support/visitor.ts';

// Several processes, one gateway.
const password = 'correct horse battery staple';

async function setScene(end: (teardown: () => Promise<void>) => void) {
  const app = await startStoryApp();
  end(app.stop);
  const config = {
    server: { workers: 2 },
    store: { url: 'sqlite:./sallyport.db' },
    signIn: { throttle: { failures: 4 } },
    routes: [
      { id: 'app', path: '/', upstream: app.origin },
      { id: 'public', path: '/public', upstream: app.origin, access: 'public' },
    ],
  };
  const gateway = await spawnTestGateway({
    config,
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  end(gateway.stop);
  return { app, gateway, config };
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('two workers serve one port, and a sign-out at one counts at once at the other', async (t) => {
  t.timeout(100_000);
  const { gateway } = await setScene((end) => t.teardown(end));
  t.true(childrenOf(gateway.pid).length >= 2);
  for (let round = 0; round < 3; round += 1) {
    const alice = createVisitor(gateway.port);
    t.is((await alice.signIn('alice', password)).status, 303);
    // Fresh connections land at either worker: both know the session now.
    for (let count = 0; count < 12; count += 1) t.is((await alice.navigate('/x')).status, 200);
    const headers = { cookie: `${alice.tokenName()}=${alice.token()}` };
    await alice.signOut();
    const statuses = await Promise.all(
      Array.from({ length: 16 }, async () => (await sendTo(gateway.port, '/x', { headers })).status),
    );
    t.deepEqual([...new Set(statuses)], [401]);
  }
});

onLinux('WebSockets of a session close in every worker, and failures count together', async (t) => {
  t.timeout(100_000);
  const { app, gateway } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => alice.openSocket('/ws')));
  const codes = Promise.all(sockets.map(socketClosed));
  await alice.signOut();
  await eventually('all are closed', () => sockets.every((socket) => socket.readyState === socket.CLOSED), {
    timeoutMs: 10_000,
  });
  await codes;
  await eventually('the app sees them go', () => app.openSockets() === 0);
  const statuses: number[] = [];
  for (let count = 0; count < 7; count += 1)
    statuses.push((await createVisitor(gateway.port).signIn('alice', 'wrong')).status);
  t.deepEqual(statuses, [401, 401, 401, 401, 429, 429, 429]);
});

onLinux('goes on when a worker is killed, and ends its workers with itself', async (t) => {
  t.timeout(100_000);
  const { gateway } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const before = childrenOf(gateway.pid);
  const [victim] = before;
  if (victim === undefined) throw new Error('there are no workers');
  process.kill(victim, 'SIGKILL');
  await eventually('another worker takes its place', () => {
    const now = childrenOf(gateway.pid);
    return now.length === before.length && !now.includes(victim);
  });
  for (let count = 0; count < 12; count += 1)
    await eventually('served', async () => (await alice.navigate('/x').catch(() => null))?.status === 200);
  const after = childrenOf(gateway.pid);
  gateway.signal('SIGKILL');
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  await eventually('no worker is left behind', () => after.every((pid) => !isAlive(pid)));
  t.pass();
});

onLinux('answers readiness and metrics for all workers, and counts on when one is killed', async (t) => {
  t.timeout(100_000);
  const { gateway } = await setScene((end) => t.teardown(end));
  t.is((await sendTo(gateway.adminPort, '/readyz')).status, 200);
  for (let count = 0; count < 20; count += 1) t.is((await sendTo(gateway.port, '/public/x')).status, 200);
  const counted = async (): Promise<number> => {
    const metrics = await sendTo(gateway.adminPort, '/metrics');
    let total = 0;
    for (const line of metrics.text.split('\n'))
      if (/^sallyport_requests_total\{[^}]*route="public"/.test(line)) total += Number(line.split(' ').at(-1));
    return total;
  };
  await eventually('twenty requests are counted', async () => (await counted()) === 20);
  const before = childrenOf(gateway.pid);
  for (const victim of before) process.kill(victim, 'SIGKILL');
  await eventually('served again', async () => {
    const workers = childrenOf(gateway.pid);
    if (workers.length < 2 || workers.some((pid) => before.includes(pid))) return false;
    return (await sendTo(gateway.port, '/public/x').catch(() => null))?.status === 200;
  });
  await eventually('twenty-one', async () => (await counted()) === 21);
  t.pass();
});

onLinux('revokes through the one admin listener, with the live connections in every worker', async (t) => {
  t.timeout(100_000);
  const { app, gateway } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => alice.openSocket('/ws')));
  const config = ['--config', join(gateway.directory, 'sallyport.yaml')];
  const listed = await sallyport(['session', 'list', ...config], { cwd: gateway.directory });
  t.regex(listed.stdout, /alice/);
  const revoked = await sallyport(['session', 'revoke', '--user', 'alice', ...config], { cwd: gateway.directory });
  t.is(revoked.code, 0, revoked.stderr);
  const headers = { cookie: `${alice.tokenName()}=${alice.token()}` };
  const statuses = await Promise.all(
    Array.from({ length: 16 }, async () => (await sendTo(gateway.port, '/x', { headers })).status),
  );
  t.deepEqual([...new Set(statuses)], [401]);
  await eventually('all are closed', () => sockets.every((socket) => socket.readyState === socket.CLOSED));
  await eventually('the app sees them go', () => app.openSockets() === 0);
});

onLinux('serves by one configuration in all workers: a new one everywhere, a refused one nowhere', async (t) => {
  t.timeout(100_000);
  const { gateway, config } = await setScene((end) => t.teardown(end));
  /** What fresh connections, which land at every worker, are answered on a path. */
  const statusesOf = async (path: string): Promise<readonly number[]> => {
    const all = Array.from({ length: 24 }, async () => (await sendTo(gateway.port, path)).status);
    return [...new Set(await Promise.all(all))];
  };
  const [app] = config.routes;
  await gateway.reload({
    ...config,
    routes: [app, { id: 'news', path: '/news', upstream: app!.upstream, access: 'public' }],
  });
  await eventually('all have it', async () => String(await statusesOf('/news/x')) === '200');
  t.deepEqual(await statusesOf('/public/x'), [401]);
  // The signal is one reload, and the changed file may be another.
  const reloads = async (): Promise<number> => {
    const { text } = await sendTo(gateway.adminPort, '/metrics');
    return Number(/^sallyport_config_reloads_total\{result="succeeded"\} (\d+)$/m.exec(text)?.[1]);
  };
  const told = (): number => gateway.logs().filter((line) => line.includes('"config.reloaded"')).length;
  await eventually('told once for each', async () => (await reloads()) === told());

  await gateway.reload({ ...config, routes: [{ path: '/', upstream: 'ftp://nowhere' }] });
  await eventually('it is refused', () => gateway.logs().some((line) => line.includes('"config.refused"')));
  // Also a worker that starts while the file is faulty serves by what is in force.
  const before = childrenOf(gateway.pid);
  const [victim] = before;
  process.kill(victim!, 'SIGKILL');
  await eventually('another worker takes its place', () => {
    const workers = childrenOf(gateway.pid);
    return workers.length === before.length && !workers.includes(victim!);
  });
  await eventually('both serve', async () => {
    const landed = await Promise.all(
      Array.from({ length: 12 }, () => sendTo(gateway.port, '/news/x').catch(() => null)),
    );
    return landed.every((reply) => reply?.status === 200);
  });
  t.is(gateway.exit(), null);
});

onLinux('takes a free port for all workers where 0 is asked for, and prints it', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-workers-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(join(folder, 'users.yaml'), 'users: {}\n', { mode: 0o600 });
  await writeFile(
    join(folder, 'sallyport.yaml'),
    JSON.stringify({
      server: { workers: 2, listen: '127.0.0.1:0' },
      admin: { listen: 'off' },
      store: { url: 'sqlite:./sallyport.db' },
      routes: [{ upstream: app.origin, access: 'public' }],
    }),
    { mode: 0o600 },
  );
  const command = launchSallyport(['start', '--config', 'sallyport.yaml'], { cwd: folder });
  t.teardown(() => command.stop('SIGKILL'));
  const port = await eventually('the address is printed', () => {
    if (command.exit() !== null) throw new Error(command.output());
    return Number(/listening on 127\.0\.0\.1:([1-9]\d*)/.exec(command.output())?.[1] ?? 0);
  });
  t.is((await sendTo(port, '/x')).status, 200);
  await command.stop('SIGTERM');
  t.is(command.exit(), 0);
});

onLinux('says why and ends with 1 when its workers cannot serve', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-workers-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(join(folder, 'users.yaml'), 'users: {}\n', { mode: 0o600 });
  // The address belongs to the app already.
  await writeFile(
    join(folder, 'sallyport.yaml'),
    JSON.stringify({
      server: { workers: 2, listen: app.origin.replace('http://', '') },
      admin: { listen: 'off' },
      store: { url: 'sqlite:./sallyport.db' },
      routes: [{ upstream: app.origin }],
    }),
    { mode: 0o600 },
  );
  const ran = await sallyport(['start', '--config', 'sallyport.yaml'], { cwd: folder, timeoutMs: 80_000 });
  t.is(ran.code, 1, ran.stdout + ran.stderr);
  t.regex(ran.stdout + ran.stderr, /something else listens there/);
});
