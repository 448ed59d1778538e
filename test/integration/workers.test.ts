import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { sallyport } from '../support/cli.ts';
import { spawnTestGateway } from '../support/gateway.ts';
import type { SpawnedGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed } from '../support/visitor.ts';

// Several processes, one gateway.
const password = 'correct horse battery staple';

async function setScene(end: (teardown: () => Promise<void>) => void) {
  const app = await startStoryApp();
  end(app.stop);
  const gateway = await spawnTestGateway({
    config: {
      server: { workers: 2 },
      store: { url: 'sqlite:./sallyport.db' },
      signIn: { throttle: { failures: 4 } },
      routes: [
        { id: 'app', path: '/', upstream: app.origin },
        { id: 'public', path: '/public', upstream: app.origin, access: 'public' },
      ],
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  end(gateway.stop);
  return { app, gateway };
}

/** Processes that the gateway started and that live, oldest first. */
async function childrenOf(gateway: SpawnedGateway): Promise<number[]> {
  const children: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // `PID (COMMAND) STATE PPID …`; the process may be gone by now.
    const status = await readFile(`/proc/${entry}/stat`, 'latin1').catch(() => '');
    const [state, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) === gateway.pid && state !== 'Z') children.push(Number(entry));
  }
  return children.sort((a, b) => a - b);
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('two workers serve one port, and a sign-out at one counts at once at the other', async (t) => {
  t.timeout(100_000);
  const { gateway } = await setScene((end) => t.teardown(end));
  t.true((await childrenOf(gateway)).length >= 2);
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
  const before = await childrenOf(gateway);
  const [victim] = before;
  if (victim === undefined) throw new Error('there are no workers');
  process.kill(victim, 'SIGKILL');
  await eventually('another worker takes its place', async () => {
    const now = await childrenOf(gateway);
    return now.length === before.length && !now.includes(victim);
  });
  for (let count = 0; count < 12; count += 1)
    await eventually('served', async () => (await alice.navigate('/x').catch(() => null))?.status === 200);
  const after = await childrenOf(gateway);
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

onLinux('answers readiness and metrics for all workers on one admin listener', async (t) => {
  t.timeout(100_000);
  const { gateway } = await setScene((end) => t.teardown(end));
  t.is((await sendTo(gateway.adminPort, '/readyz')).status, 200);
  for (let count = 0; count < 20; count += 1) t.is((await sendTo(gateway.port, '/public/x')).status, 200);
  await eventually('twenty requests are counted', async () => {
    const metrics = await sendTo(gateway.adminPort, '/metrics');
    if (metrics.status !== 200) return false;
    let total = 0;
    for (const line of metrics.text.split('\n'))
      if (/^sallyport_\w*requests?_total\{[^}]*route="public"/.test(line)) total += Number(line.split(' ').at(-1));
    return total === 20;
  });
  t.pass();
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
