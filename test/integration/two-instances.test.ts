import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed } from '../support/visitor.ts';
import type { Visitor } from '../support/visitor.ts';

// Two gateways on one store are one gateway to a visitor.
const password = 'correct horse battery staple';

const stores: Record<string, () => Promise<{ url: string; end: () => Promise<void> }>> = {
  redis: async () => {
    const redis = await startRedis();
    return { url: redis.url, end: redis.stop };
  },
  sqlite: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-shared-'));
    return {
      url: `sqlite:${join(folder, 'shared.db')}`,
      end: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

for (const [kind, openStore] of Object.entries(stores)) {
  const onStore = kind === 'redis' && !hasRedis ? test.skip : test;

  const setScene = async (end: (teardown: () => Promise<void>) => void) => {
    const store = await openStore();
    end(store.end);
    const app = await startStoryApp();
    end(app.stop);
    const users = JSON.stringify({ users: { alice: { password: await hashOf(password) } } });
    const start = () =>
      startTestGateway({
        config: {
          store: { url: store.url },
          signIn: { throttle: { failures: 3 } },
          routes: [{ id: 'app', path: '/', upstream: app.origin }],
        },
        users,
      });
    const first = await start();
    end(first.stop);
    const second = await start();
    end(second.stop);
    /** The same browser as seen by the other instance: the cookies, another door. */
    const atSecond = (visitor: Visitor): Visitor => {
      const same = createVisitor(second.port);
      for (const [name, value] of visitor.cookies) same.cookies.set(name, value);
      return same;
    };
    return { app, first, second, atSecond };
  };

  onStore(`serves a session of one gateway at the other over ${kind}, until it is signed out at either`, async (t) => {
    const { first, second, atSecond } = await setScene((end) => t.teardown(end));
    const alice = createVisitor(first.port);
    await alice.signIn('alice', password);
    const same = atSecond(alice);
    const seen = await same.navigate('/private/x');
    t.is(seen.status, 200);
    t.regex(seen.text, /<p id="user">alice</);

    // Keep the other gateway's cache warm to the last moment: it must not outlive the sign-out.
    for (let count = 0; count < 5; count += 1) t.is((await same.navigate('/private/x')).status, 200);
    const cookie = `${alice.tokenName()}=${alice.token()}`;
    await alice.signOut();
    t.is((await sendTo(second.port, '/private/x', { headers: { cookie } })).status, 401);
    t.is((await sendTo(first.port, '/private/x', { headers: { cookie } })).status, 401);
  });

  onStore(`closes a WebSocket at the other gateway on ${kind} when its session is signed out`, async (t) => {
    const { app, first, atSecond } = await setScene((end) => t.teardown(end));
    const alice = createVisitor(first.port);
    await alice.signIn('alice', password);
    const socket = await atSecond(alice).openSocket('/ws');
    const closed = socketClosed(socket);
    await alice.signOut();
    await eventually('the socket is closed', () => socket.readyState === socket.CLOSED, { timeoutMs: 10_000 });
    t.is(typeof (await closed), 'number');
    await eventually('the app sees it go', () => app.openSockets() === 0);
  });

  onStore(`counts wrong passwords of both gateways together on ${kind}`, async (t) => {
    const { first, second } = await setScene((end) => t.teardown(end));
    const statuses: number[] = [];
    for (const port of [first.port, second.port, first.port, second.port]) {
      const guess = await createVisitor(port).signIn('alice', 'not the password');
      statuses.push(guess.status);
    }
    t.is(statuses[3], 429, String(statuses));
    t.false(statuses.slice(0, 3).includes(429));
    t.is((await createVisitor(first.port).signIn('alice', password)).status, 429);
  });

  onStore(`ends one session once on ${kind} when both gateways sign it out at the same time`, async (t) => {
    const { first, second, atSecond } = await setScene((end) => t.teardown(end));
    for (let round = 0; round < 5; round += 1) {
      const alice = createVisitor(first.port);
      await alice.signIn('alice', password);
      const same = atSecond(alice);
      const cookie = `${alice.tokenName()}=${alice.token()}`;
      const replies = await Promise.all([alice.signOut(), same.signOut(), ...busy(first.port, second.port, cookie)]);
      t.true(replies.every((reply) => reply === 'cut' || reply.status < 500));
      for (const { port } of [first, second])
        t.is((await sendTo(port, '/private/x', { headers: { cookie } })).status, 401);
    }
  });
}

/** Requests of the dying session all around: none of them may bring it back; what is under way may be cut. */
function busy(firstPort: number, secondPort: number, cookie: string) {
  return Array.from({ length: 20 }, (_, index) =>
    sendTo(index % 2 === 0 ? firstPort : secondPort, '/private/x', { headers: { cookie } }).catch(() => 'cut' as const),
  );
}
