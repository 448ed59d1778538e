import test from 'ava';
import { spawnTestGateway, type SpawnedGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { childrenOf } from '../support/process-figures.ts';
import { eventually } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed, type Visitor } from '../support/visitor.ts';

// Two gateways of two workers each on one Redis: four processes, one gateway to a visitor.
const withRedis = hasRedis && process.platform === 'linux' ? test.serial : test.serial.skip;
const password = 'correct horse battery staple';

async function setScene(end: (teardown: () => Promise<void>) => void) {
  // Keeps what it was told over a restart.
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  end(redis.stop);
  const app = await startStoryApp();
  end(app.stop);
  const users = JSON.stringify({ users: { alice: { password: await hashOf(password) } } });
  const start = async (): Promise<SpawnedGateway> => {
    const gateway = await spawnTestGateway({
      config: {
        server: { workers: 2 },
        store: { url: redis.url },
        signIn: { throttle: { failures: 5 } },
        routes: [{ id: 'app', path: '/', upstream: app.origin }],
      },
      users,
    });
    end(gateway.stop);
    return gateway;
  };
  const [first, second] = await Promise.all([start(), start()]);
  return { redis, app, first, second };
}

const sameAt = (visitor: Visitor, { port }: SpawnedGateway): Visitor => {
  const same = createVisitor(port);
  for (const [name, value] of visitor.cookies) same.cookies.set(name, value);
  return same;
};

/** What fresh connections are answered with this session; they land at both workers of both gateways. */
async function statusesOf(gateways: readonly SpawnedGateway[], visitor: Visitor): Promise<readonly number[]> {
  const headers = { cookie: `${visitor.tokenName()}=${visitor.token()}` };
  const replies = gateways.flatMap(({ port }) => Array.from({ length: 12 }, () => sendTo(port, '/x', { headers })));
  return [...new Set((await Promise.all(replies)).map(({ status }) => status))].sort();
}

withRedis(
  'four workers of two gateways hear of a sign-out at once, also one that has just replaced another',
  async (t) => {
    t.timeout(100_000);
    const { app, first, second } = await setScene((end) => t.teardown(end));
    const both = [first, second];
    for (let round = 0; round < 3; round += 1) {
      const alice = createVisitor(first.port);
      t.is((await alice.signIn('alice', password)).status, 303);
      t.deepEqual(await statusesOf(both, alice), [200]);
      const sockets = await Promise.all(
        both.flatMap((gateway) => [0, 1, 2].map(() => sameAt(alice, gateway).openSocket('/ws'))),
      );
      const closed = Promise.all(sockets.map(socketClosed));
      if (round === 1) {
        const [victim] = childrenOf(second.pid);
        process.kill(victim!, 'SIGKILL');
        await eventually('another in its place', () => {
          const workers = childrenOf(second.pid);
          return workers.length === 2 && !workers.includes(victim!);
        });
        await eventually('both serve', async () => {
          const statuses = await statusesOf([second], alice).catch(() => []);
          return String(statuses) === '200';
        });
      }
      await alice.signOut();
      t.deepEqual(await statusesOf(both, alice), [401]);
      await closed;
      await eventually('the app sees them go', () => app.openSockets() === 0);
    }
    const statuses: number[] = [];
    for (let count = 0; count < 8; count += 1)
      statuses.push((await createVisitor(both[count % 2]!.port).signIn('alice', 'wrong')).status);
    t.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
  },
);

withRedis(
  'four workers believe nothing while Redis is gone, and hear of a sign-out again once it is back',
  async (t) => {
    t.timeout(100_000);
    const { redis, first, second } = await setScene((end) => t.teardown(end));
    const both = [first, second];
    const alice = createVisitor(first.port);
    await alice.signIn('alice', password);
    t.deepEqual(await statusesOf(both, alice), [200]);
    await redis.halt();
    await eventually('no cache is believed', async () => String(await statusesOf(both, alice)) === '503');
    t.is((await sendTo(first.adminPort, '/readyz')).status, 503);
    await redis.restart();
    await eventually('all work again, with the same session', async () => {
      const statuses = await statusesOf(both, alice);
      if (statuses.some((status) => status !== 200 && status !== 503)) throw new Error(String(statuses));
      return String(statuses) === '200';
    });
    await eventually('ready', async () => (await sendTo(first.adminPort, '/readyz')).status === 200);
    const bob = createVisitor(second.port);
    await bob.signIn('alice', password);
    t.deepEqual(await statusesOf(both, bob), [200]);
    await sameAt(alice, second).signOut();
    t.deepEqual(await statusesOf(both, alice), [401]);
    t.deepEqual(await statusesOf(both, bob), [200]);
  },
);
