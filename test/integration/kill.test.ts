import test from 'ava';
import { spawnTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor } from '../support/visitor.ts';

// kill -9: what was answered stays answered.
const password = 'correct horse battery staple';

async function setScene(end: (teardown: () => Promise<void>) => void, extra: Record<string, unknown> = {}) {
  const app = await startStoryApp();
  end(app.stop);
  const gateway = await spawnTestGateway({
    config: {
      store: { url: 'sqlite:./sallyport.db', secret: undefined },
      routes: [{ id: 'app', path: '/', upstream: app.origin }],
      ...extra,
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  end(gateway.stop);
  const killAndStart = async () => {
    gateway.signal('SIGKILL');
    await eventually('the process is gone', () => gateway.exit() !== null);
    await gateway.startAgain();
  };
  return { app, gateway, killAndStart };
}

test('keeps a session over kill -9 in the moment after its sign-in, with a secret of its own making', async (t) => {
  t.timeout(100_000);
  const { gateway, killAndStart } = await setScene((end) => t.teardown(end));
  for (let round = 0; round < 3; round += 1) {
    const alice = createVisitor(gateway.port);
    t.is((await alice.signIn('alice', password)).status, 303);
    await killAndStart();
    const reply = await alice.navigate('/private/x');
    t.is(reply.status, 200, `round ${round}`);
    t.regex(reply.text, /<p id="user">alice</);
  }
});

test('keeps a sign-out over kill -9', async (t) => {
  t.timeout(100_000);
  const { gateway, killAndStart } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const [name, token] = [alice.tokenName() ?? '', alice.token() ?? ''];
  await alice.signOut();
  await killAndStart();
  alice.cookies.set(name, token);
  t.is((await alice.navigate('/private/x')).status, 302);
});

test('keeps a lock after too many failures over kill -9', async (t) => {
  t.timeout(100_000);
  const { gateway, killAndStart } = await setScene((end) => t.teardown(end), {
    signIn: { throttle: { failures: 2 } },
  });
  for (let count = 0; count < 3; count += 1) await createVisitor(gateway.port).signIn('alice', 'wrong');
  await killAndStart();
  t.is((await createVisitor(gateway.port).signIn('alice', password)).status, 429);
});

test('loses no session when it is killed in the middle of many sign-ins', async (t) => {
  t.timeout(100_000);
  const { gateway, killAndStart } = await setScene((end) => t.teardown(end));
  const visitors = Array.from({ length: 12 }, () => createVisitor(gateway.port));
  const answered: typeof visitors = [];
  const all = visitors.map(async (visitor) => {
    const reply = await visitor.signIn('alice', password).catch(() => null);
    if (reply?.status === 303) answered.push(visitor);
  });
  await eventually('some are signed in', () => answered.length >= 4);
  gateway.signal('SIGKILL');
  await Promise.all(all);
  const kept = [...answered];
  await killAndStart();
  for (const visitor of kept) t.is((await visitor.navigate('/private/x')).status, 200);
});
