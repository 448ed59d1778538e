import { randomBytes } from 'node:crypto';
import test from 'ava';
import { GatewayError, hasCode } from '../../src/errors.ts';
import { createLiveConnections } from '../../src/session/live-connections.ts';
import { createSessionStore } from '../../src/session/store.ts';
import type { NewSession, SessionStore } from '../../src/session/session.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { eventually, freePort } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';

const redisTest = hasRedis ? test : test.skip;
/** The promise: nothing takes longer, whatever Redis does. */
const limitMs = 1_500;
const secret = randomBytes(32);
const config = { idleTimeoutMs: 3_600_000, lifetimeMs: 43_200_000, rememberForMs: 0 };
const input: NewSession = {
  identity: {
    user: 'ann',
    name: 'Ann',
    email: '',
    groups: [],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'ann',
  },
  site: 'app.test',
  remembered: false,
  amr: ['pwd'],
  address: '',
  userAgent: '',
  credential: '',
};

async function setUp(redis: RedisServer) {
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url: redis.url, secret, runtime });
  await eventually('the event channel stands', () => store.events.isCurrent());
  return { runtime, store, sessions: createSessionStore({ store, secret, config, runtime }) };
}

/** Every way of asking the store, each with how long it took to refuse. */
async function refusals(
  store: Store,
  sessions: SessionStore,
  id: string,
): Promise<readonly [string, unknown, number][]> {
  const keyv = store.namespace('session');
  const token = () => randomBytes(32).toString('base64url');
  const asks: Record<string, () => unknown> = {
    get: () => keyv.get('k'),
    set: () => keyv.set('k', 'v'),
    delete: () => keyv.delete('k'),
    has: () => keyv.has('k'),
    clear: () => keyv.clear(),
    iterate: () => keyv.iterator!({}).next(),
    replace: () => store.replace('session', 'k', 'a', 'b', 1_000),
    count: () => store.counters.add('k', 1, 1_000),
    'read count': () => store.counters.get('k'),
    'clear count': () => store.counters.clear('k'),
    'add member': () => store.index.add('s', 'm', Date.now() + 1_000),
    'remove member': () => store.index.remove('s', 'm'),
    members: () => store.index.members('s'),
    publish: () => store.events.publish({ kind: 'session-ended', id: 'x' }),
    check: () => store.check(),
    find: () => sessions.find(token()),
    create: () => sessions.create(input),
    end: () => sessions.end(id, 'revoked'),
    endUser: () => sessions.endUser('ann', 'revoked'),
    list: () => sessions.list('ann'),
  };
  return Promise.all(
    Object.entries(asks).map(async ([name, ask]): Promise<[string, unknown, number]> => {
      const startMs = performance.now();
      try {
        return [name, await ask(), performance.now() - startMs];
      } catch (error) {
        return [name, error, performance.now() - startMs];
      }
    }),
  );
}

redisTest('refuses within 1.5 s while Redis is down, and recovers by itself', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  const { store, sessions } = await setUp(redis);
  const { session, token } = await sessions.create(input);
  t.truthy(await sessions.find(token));
  await redis.halt();
  await eventually('the loss is noticed', () => !store.events.isCurrent(), { timeoutMs: limitMs });
  await t.throwsAsync(async () => sessions.find(token), { instanceOf: GatewayError });
  for (const [name, answer, tookMs] of await refusals(store, sessions, session.id)) {
    t.true(hasCode(answer, 'store-unavailable'), name);
    t.true(tookMs < limitMs, `${name} took ${tookMs} ms`);
  }
  await redis.restart();
  await eventually('the channel stands again', () => store.events.isCurrent());
  t.is(await sessions.find(token), null);
  const again = await sessions.create(input);
  t.truthy(await sessions.find(again.token));
  await store.close();
});

redisTest('refuses within 1.5 s while Redis is frozen, and goes on with what was there', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  const { store, sessions } = await setUp(redis);
  const { session, token } = await sessions.create(input);
  t.truthy(await sessions.find(token));
  redis.freeze();
  for (let round = 0; round < 3; round += 1) {
    for (const [name, answer, tookMs] of await refusals(store, sessions, session.id)) {
      t.true(hasCode(answer, 'store-unavailable'), name);
      t.true(tookMs < limitMs, `${name} took ${tookMs} ms`);
    }
  }
  await eventually('the loss is noticed', () => !store.events.isCurrent(), { timeoutMs: 2_000 });
  redis.thaw();
  await eventually('the channel stands again', () => store.events.isCurrent());
  await t.notThrowsAsync(store.check());
  const later = await sessions.create(input);
  t.truthy(await sessions.find(later.token));
  await store.close();
});

redisTest('checks what it holds when the channel was lost while a session ended', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  const one = await setUp(redis);
  const other = await setUp(redis);
  const { token, session } = await one.sessions.create(input);
  t.truthy(await one.sessions.find(token));
  let isClosed = false;
  const connections = createLiveConnections({ sessions: one.sessions, runtime: one.runtime });
  connections.add(session, () => (isClosed = true));
  // Redis cuts the subscribers off, and the session ends before ours is back.
  await redis.command('CLIENT KILL TYPE pubsub');
  await other.store.namespace('session').delete(session.id);
  await eventually('the connection is closed', () => isClosed, { timeoutMs: 3_000 });
  t.is(await one.sessions.find(token), null);
  connections.stop();
  await one.store.close();
  await other.store.close();
});

redisTest('starts without Redis and finds it when it comes', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  await redis.halt();
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url: redis.url, secret, runtime });
  t.true(runtime.lines.some(({ event }) => event === 'store.unreachable'));
  t.false(store.events.isCurrent());
  const startMs = performance.now();
  const error = await t.throwsAsync(store.check());
  t.true(hasCode(error, 'store-unavailable'));
  t.true(performance.now() - startMs < limitMs);
  await redis.restart();
  await eventually('the channel stands', () => store.events.isCurrent());
  await t.notThrowsAsync(store.check());
  await store.close();
});

redisTest('says so at the start when Redis refuses the password, without telling it', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  await redis.command('CONFIG SET requirepass right-password');
  const runtime = createTestRuntime(Date.now());
  const url = redis.url.replace('redis://', 'redis://:wrong-password@');
  const error = await t.throwsAsync(openStore({ url, secret, runtime }));
  t.true(hasCode(error, 'store-unavailable'));
  t.regex(error.message, /could not sign in at redis 127\.0\.0\.1:\d+: WRONGPASS/);
  t.false(`${error.message}${error.stack}${JSON.stringify(runtime.lines)}`.includes('wrong-password'));
  const store = await openStore({ url: url.replace('wrong', 'right'), secret, runtime });
  await t.notThrowsAsync(store.check());
  await store.close();
});

redisTest('keeps stores with different namespaces and databases apart', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  const runtime = createTestRuntime(Date.now());
  const urls = [redis.url, `${redis.url}?namespace=other`, `${redis.url}/1`];
  const stores = await Promise.all(urls.map((url) => openStore({ url, secret, runtime })));
  const [first, ...others] = stores;
  await first!.namespace('n').set('k', 'v');
  await first!.counters.add('c', 1, 60_000);
  await first!.index.add('s', 'm', runtime.now() + 60_000);
  for (const other of others) {
    t.is(await other.namespace('n').get('k'), undefined);
    t.is(await other.counters.get('c'), null);
    t.deepEqual(await other.index.members('s'), []);
    await other.namespace('n').clear();
  }
  t.is(await first!.namespace('n').get('k'), 'v');
  await Promise.all(stores.map((store) => store.close()));
});

redisTest('leaves nothing without an end in Redis', async (t) => {
  const redis = await startRedis();
  t.teardown(redis.stop);
  const { runtime, store, sessions } = await setUp(redis);
  const { token } = await sessions.create(input);
  runtime.advance(120_000);
  await sessions.touch((await sessions.find(token))!);
  await store.counters.add('c', 1, 60_000);
  const keys = [...(await redis.command('KEYS *')).matchAll(/^sallyport:.*$/gm)].map(([key]) => key.trim());
  t.is(keys.length, 3);
  for (const key of keys) t.notRegex(await redis.command(`PTTL ${key}`), /^:-/, key);
  await store.close();
});

test('refuses a Redis that nobody serves, without hanging', async (t) => {
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url: `redis://127.0.0.1:${await freePort()}`, secret, runtime });
  const error = await t.throwsAsync(store.namespace('n').get('k'));
  t.true(hasCode(error, 'store-unavailable'));
  await store.close();
});
