import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startTestGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startStoryApp } from '../support/story-app.ts';
import type { StoryApp } from '../support/story-app.ts';
import { createVisitor, navigationHeaders, sendTo, socketClosed } from '../support/visitor.ts';
import type { Reply, Visitor } from '../support/visitor.ts';

// A real redis-server that stops, freezes and comes back, under a gateway with somebody signed in.
const withRedis = hasRedis ? test : test.skip;

const password = 'correct horse battery staple';

interface Scene {
  readonly redis: RedisServer;
  readonly app: StoryApp;
  readonly gateway: TestGateway;
  readonly alice: Visitor;
}

async function setScene(): Promise<Scene & { readonly end: () => Promise<void> }> {
  const redis = await startRedis();
  const app = await startStoryApp();
  const gateway = await startTestGateway({
    config: {
      store: { url: redis.url },
      signIn: { throttle: { failures: 50 } },
      routes: [
        { id: 'private', path: '/', upstream: app.origin },
        { id: 'public', path: '/public', upstream: app.origin, access: 'public' },
      ],
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  return {
    redis,
    app,
    gateway,
    alice,
    end: async () => {
      redis.thaw();
      await gateway.stop();
      await app.stop();
      await redis.stop();
    },
  };
}

/** The answers of one visitor until one of them is a 503: caches may know the session for a moment longer. */
async function untilUnavailable(ask: () => Promise<Reply>): Promise<Reply> {
  return eventually(
    'a 503',
    async () => {
      const reply = await ask();
      if (reply.status === 503) return reply;
      if (reply.status !== 200) throw new Error(`answered ${reply.status}: ${reply.location ?? reply.text}`);
      return null;
    },
    { timeoutMs: 10_000 },
  );
}

async function assertUnavailable(t: ExecutionContext, scene: Scene): Promise<void> {
  const { alice, gateway } = scene;
  const page = await untilUnavailable(() => alice.navigate('/private/x'));
  t.regex(String(page.headers['retry-after']), /^\d+$/);
  t.is(page.headers['cache-control'], 'no-store');
  t.is(page.location, null);
  t.notRegex(page.text, /type="?password|redis|ECONN|127\.0\.0\.1:\d+/i);
  t.deepEqual(page.setCookies, [], 'the session cookie is left alone');

  const before = Date.now();
  const program = await alice.send('/private/x', { headers: { accept: 'application/json' } });
  t.is(program.status, 503);
  t.regex(String(program.headers['content-type']), /application\/problem\+json/);
  // The gateway gives up on the store after 1.5 s; what comes on top is this machine's noise.
  t.true(Date.now() - before < 4_000, `took ${Date.now() - before} ms`);

  // A token that the gateway has never seen must be looked up: neither "no session" nor an open door.
  const stranger = await sendTo(gateway.port, '/private/x', {
    headers: { ...navigationHeaders, cookie: `${alice.tokenName()}=${'A'.repeat(43)}` },
  });
  t.is(stranger.status, 503);
  await t.throwsAsync(alice.openSocket('/ws'), { message: /refused with 503/ });

  const open = await alice.send('/public/x');
  t.is(open.status, 200);
  const anonymous = await sendTo(gateway.port, '/private/x', { headers: navigationHeaders });
  t.is(anonymous.status, 302, 'nobody needs the store to be led to the sign-in page');

  const ready = await sendTo(gateway.adminPort, '/readyz');
  t.is(ready.status, 503);
  t.is((await sendTo(gateway.adminPort, '/livez')).status, 200);
}

withRedis(
  'G143 store-down: answers signed-in visitors 503 while Redis is stopped, and works again once it is back',
  async (t) => {
    t.timeout(100_000);
    const scene = await setScene();
    t.teardown(scene.end);
    const { alice, redis, gateway } = scene;
    t.is((await alice.navigate('/private/x')).status, 200);
    await redis.halt();
    await assertUnavailable(t, scene);

    const form = createVisitor(gateway.port);
    const attempt = await form.signIn('alice', password).catch((error: unknown) => error);
    if (attempt instanceof Error) t.regex(attempt.message, /503/);
    else t.is((attempt as Reply).status, 503);
    t.is(form.token(), null, 'no sign-in succeeds without a store');

    // Empty after the restart: the old session is gone with it, but a new sign-in works without any help.
    await redis.restart();
    await eventually('ready again', async () => (await sendTo(gateway.adminPort, '/readyz')).status === 200);
    const old = await alice.navigate('/private/x');
    t.is(old.status, 302);
    const again = createVisitor(gateway.port);
    t.is((await again.signIn('alice', password)).status, 303);
    t.is((await again.navigate('/private/x')).status, 200);
  },
);

withRedis(
  'G143 store-down: answers 503 while Redis is frozen, and goes on with the same session when it thaws',
  async (t) => {
    t.timeout(100_000);
    const scene = await setScene();
    t.teardown(scene.end);
    const { alice, redis, gateway } = scene;
    t.is((await alice.navigate('/private/x')).status, 200);
    redis.freeze();
    await assertUnavailable(t, scene);
    redis.thaw();
    const back = await eventually('works again', async () => {
      const reply = await alice.navigate('/private/x');
      if (reply.status !== 200 && reply.status !== 503) throw new Error(`answered ${reply.status}`);
      return reply.status === 200 ? reply : null;
    });
    t.regex(back.text, /<p id="user">alice</);
    await eventually('ready again', async () => (await sendTo(gateway.adminPort, '/readyz')).status === 200);
  },
);

withRedis('never loses a sign-out to an outage: what could not be ended is said not to be', async (t) => {
  t.timeout(100_000);
  const scene = await setScene();
  t.teardown(scene.end);
  const { alice, redis, gateway } = scene;
  const cookie = `${alice.tokenName()}=${alice.token()}`;
  redis.freeze();
  await untilUnavailable(() => sendTo(gateway.port, '/private/x', { headers: { ...navigationHeaders, cookie } }));
  const failed = await alice.signOut();
  t.is(failed.status, 503);
  redis.thaw();
  await eventually('ready again', async () => (await sendTo(gateway.adminPort, '/readyz')).status === 200);
  const done = await createSignedIn(gateway.port, cookie).signOut();
  t.true([200, 302, 303].includes(done.status));
  const after = await sendTo(gateway.port, '/private/x', { headers: { ...navigationHeaders, cookie } });
  t.is(after.status, 302);
});

withRedis('keeps an open WebSocket through a short freeze and closes it at sign-out afterwards', async (t) => {
  t.timeout(100_000);
  const scene = await setScene();
  t.teardown(scene.end);
  const { alice, redis, gateway } = scene;
  const socket = await alice.openSocket('/ws');
  const closed = socketClosed(socket);
  redis.freeze();
  await new Promise((resolve) => setTimeout(resolve, 500));
  redis.thaw();
  await eventually('ready again', async () => (await sendTo(gateway.adminPort, '/readyz')).status === 200);
  await eventually('signs out', async () => [200, 302, 303].includes((await alice.signOut()).status));
  t.true([1000, 1001, 1006, 1008].includes(await closed));
});

function createSignedIn(port: number, cookie: string): Visitor {
  const visitor = createVisitor(port);
  const [name = '', value = ''] = cookie.split('=');
  visitor.cookies.set(name, value);
  return visitor;
}
