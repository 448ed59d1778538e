import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createSessionRenewal, type SessionRenewer } from '../../../src/authentication/session-renewal.ts';
import { hasCode, GatewayError } from '../../../src/errors.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import type { SessionProvider } from '../../../src/session/session.ts';
import { createSessionStore } from '../../../src/session/store.ts';
import { openStore } from '../../../src/store/open.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const identity: Identity = {
  user: 'ann',
  name: 'Ann',
  email: '',
  groups: ['staff'],
  claims: {},
  method: 'corp',
  issuer: 'https://id.test',
  subject: '42',
};

async function setUp(renewer: SessionRenewer, { patienceMs = 3_000 } = {}) {
  const runtime = createTestRuntime(Date.now());
  const secret = randomBytes(32);
  const store = await openStore({ url: 'memory:', secret, runtime });
  const config = { idleTimeoutMs: 36e5, lifetimeMs: 36e6, rememberForMs: 0 };
  const sessions = createSessionStore({ store, secret, config, runtime });
  const provider: SessionProvider = {
    id: 'corp',
    checkAtMs: runtime.now() + 1_000,
    failingSinceMs: null,
    data: 'old',
    accessToken: 'a1',
  };
  const { session } = await sessions.create({
    identity,
    site: 'app.test',
    remembered: false,
    amr: [],
    address: '',
    userAgent: '',
    credential: '',
    provider,
  });
  runtime.advance(1_000);
  const calls: SessionProvider[] = [];
  const counted: SessionRenewer = (current, given) => {
    calls.push(given);
    return renewer(current, given);
  };
  const onInstance = (changedSessions: Partial<typeof sessions> = {}) =>
    createSessionRenewal({
      renewers: new Map([['corp', counted]]),
      sessions: { ...sessions, ...changedSessions },
      store,
      runtime,
      unreachableForMs: 60_000,
      patienceMs,
    });
  return { runtime, store, sessions, session, calls, onInstance };
}

test('takes on what the provider says, and keeps the rest', async (t) => {
  const { runtime, store, sessions, session, onInstance } = await setUp(async () => ({
    kind: 'changed',
    identity: { ...identity, user: 'renamed', groups: ['new'] },
    checkAtMs: 9e15,
    data: 'new',
  }));
  const outcome = await onInstance().renew(session);
  t.is(outcome.kind, 'live');
  const read = await sessions.read(session.id);
  t.deepEqual(read?.identity, { ...identity, groups: ['new'] });
  t.deepEqual(read?.provider, {
    id: 'corp',
    checkAtMs: 9e15,
    failingSinceMs: null,
    data: 'new',
    accessToken: 'a1',
  });
  t.true(runtime.now() > 0);
  await store.close();
});

test('twenty requests on two instances make one call', async (t) => {
  const { store, session, calls, onInstance } = await setUp(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { kind: 'unchanged', checkAtMs: 9e15, data: 'rotated' };
  });
  const instances = [onInstance(), onInstance()];
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (instances[index % 2] ?? onInstance()).renew(session)),
  );
  t.deepEqual(new Set(outcomes.map((outcome) => outcome?.kind)), new Set(['live']));
  for (const outcome of outcomes)
    t.is(outcome?.kind === 'live' ? outcome.session.provider?.data : undefined, 'rotated');
  t.is(calls.length, 1);
  await store.close();
});

test('ends the session when the provider does, when it speaks of somebody else, and when nobody can be asked', async (t) => {
  for (const renewer of [
    async () => ({ kind: 'ended', reason: 'invalid-grant' }) as const,
    async () => ({ kind: 'changed', checkAtMs: 9e15, identity: { ...identity, subject: '43' } }) as const,
    async () => ({ kind: 'changed', checkAtMs: 9e15, identity: { ...identity, issuer: 'https://x.test' } }) as const,
  ]) {
    const { store, sessions, session, onInstance } = await setUp(renewer);
    t.deepEqual(await onInstance().renew(session), { kind: 'over', reason: 'provider-ended' });
    t.is(await sessions.read(session.id), null);
    await store.close();
  }
});

test('an unreachable provider is asked again with growing pauses, until the session ends', async (t) => {
  const { runtime, store, sessions, session, calls, onInstance } = await setUp(() =>
    Promise.reject(new Error('connection refused')),
  );
  const [one, other] = [onInstance(), onInstance()];
  const first = await one.renew(session);
  t.deepEqual(first, { kind: 'postponed', untilMs: runtime.now() + 5_000 });
  t.deepEqual(await other.renew(session), first, 'the pause holds on all instances');
  t.is(calls.length, 1);
  runtime.advance(40_000);
  await store.namespace('renewal').delete(session.id);
  t.deepEqual(await other.renew(session), { kind: 'postponed', untilMs: runtime.now() + 10_000 });
  runtime.advance(20_000);
  await store.namespace('renewal').delete(session.id);
  t.deepEqual(await one.renew(session), { kind: 'over', reason: 'provider-unreachable' });
  t.is(await sessions.read(session.id), null);
  await store.close();
});

test('a provider that came back makes the session as good as ever', async (t) => {
  let isDown = true;
  const { runtime, store, sessions, session, onInstance } = await setUp(() =>
    isDown ? Promise.reject(new Error('down')) : Promise.resolve({ kind: 'unchanged', checkAtMs: 9e15 }),
  );
  await onInstance().renew(session);
  t.is((await sessions.read(session.id))?.provider?.failingSinceMs, runtime.now());
  isDown = false;
  await store.namespace('renewal').delete(session.id);
  t.is((await onInstance().renew(session)).kind, 'live');
  t.is((await sessions.read(session.id))?.provider?.failingSinceMs, null);
  await store.close();
});

test('no request waits long for a slow provider, whose answer counts nevertheless', async (t) => {
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const { runtime, store, sessions, session, calls, onInstance } = await setUp(
    async () => {
      await answered;
      return { kind: 'unchanged', checkAtMs: 9e15 };
    },
    { patienceMs: 20 },
  );
  const renewal = onInstance();
  t.deepEqual(await renewal.renew(session), { kind: 'postponed', untilMs: runtime.now() + 1_000 });
  const waiting = renewal.renew(session);
  answer();
  await waiting;
  while ((await sessions.read(session.id))?.provider?.checkAtMs !== 9e15) await new Promise(setImmediate);
  t.is(calls.length, 1);
  await store.close();
});

test('what the provider gave once is written when the store takes it again', async (t) => {
  const { store, sessions, session, calls, onInstance } = await setUp(async () => ({
    kind: 'unchanged',
    checkAtMs: 9e15,
    data: 'rotated',
  }));
  let isDown = true;
  const renewal = onInstance({
    update: (...input) =>
      isDown ? Promise.reject(new GatewayError('store-unavailable', 'down')) : sessions.update(...input),
  });
  t.true(hasCode(await renewal.renew(session).catch((error: unknown) => error), 'store-unavailable'));
  isDown = false;
  t.is((await renewal.renew(session)).kind, 'live');
  t.is((await sessions.read(session.id))?.provider?.data, 'rotated');
  t.is(calls.length, 1);
  await store.close();
});
