import test from 'ava';
import { GatewayError } from '../../../src/errors.ts';
import { createLiveConnections } from '../../../src/session/live-connections.ts';
import type { Session } from '../../../src/session/session.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { eventually } from '../../support/programs.ts';

function setUp() {
  const runtime = createTestRuntime(Date.now());
  const stored = new Map<string, Session>();
  const ended = new Set<(id: string) => void>();
  const doubts = new Set<() => void>();
  const state = { isDown: false, reads: 0 };
  const connections = createLiveConnections({
    runtime,
    sessions: {
      onEnded: (listener) => {
        ended.add(listener);
        return () => void ended.delete(listener);
      },
      onDoubt: (listener) => {
        doubts.add(listener);
        return () => void doubts.delete(listener);
      },
      read: async (id) => {
        state.reads += 1;
        if (state.isDown) throw new GatewayError('store-unavailable', 'down');
        return stored.get(id) ?? null;
      },
    },
  });
  const makeSession = (id: string, over: Partial<Session> = {}): Session => {
    const nowMs = runtime.now();
    const session: Session = {
      id,
      identity: {
        user: 'ann',
        name: '',
        email: '',
        groups: [],
        claims: {},
        method: 'local',
        issuer: 'local',
        subject: 'ann',
      },
      site: 'app.test',
      authenticatedAtMs: nowMs,
      createdAtMs: nowMs,
      lastSeenAtMs: nowMs,
      idleTimeoutMs: 60_000,
      expiresAtMs: nowMs + 3_600_000,
      remembered: false,
      amr: ['pwd'],
      address: '',
      userAgent: '',
      credential: '',
      provider: null,
      handles: [],
      ...over,
    };
    stored.set(id, session);
    return session;
  };
  return {
    runtime,
    stored,
    state,
    connections,
    makeSession,
    end: (id: string) => ended.forEach((listener) => listener(id)),
    doubt: () => doubts.forEach((listener) => listener()),
    subscriptions: () => ended.size + doubts.size,
  };
}

test('closes every connection of a session that ends, and no other', (t) => {
  const { connections, makeSession, end } = setUp();
  const closed: string[] = [];
  connections.add(makeSession('a'), () => closed.push('a1'));
  connections.add(makeSession('a'), () => closed.push('a2'));
  connections.add(makeSession('b'), () => closed.push('b'));
  t.is(connections.size(), 3);
  end('a');
  t.deepEqual(closed, ['a1', 'a2']);
  t.is(connections.size(), 1);
  end('a');
  t.is(closed.length, 2);
  connections.stop();
});

test('forgets a connection that is over by itself', (t) => {
  const { connections, makeSession, end } = setUp();
  const session = makeSession('a');
  const remove = connections.add(session, () => t.fail());
  remove();
  remove();
  t.is(connections.size(), 0);
  end('a');
  connections.stop();
});

test('closes a connection whose session ended a moment before it was added', async (t) => {
  const { connections, makeSession, end } = setUp();
  const session = makeSession('a');
  end('a');
  await new Promise<void>((resolve) => connections.add(session, resolve));
  t.is(connections.size(), 0);
  connections.stop();
});

test('closes at the absolute limit, without asking the store', async (t) => {
  const { runtime, connections, makeSession, state } = setUp();
  state.isDown = true;
  let isClosed = false;
  connections.add(makeSession('a', { expiresAtMs: runtime.now() + 50_000 }), () => (isClosed = true));
  runtime.advance(50_000);
  await eventually('closed', () => isClosed, { timeoutMs: 2_000 });
  t.is(state.reads, 0);
  connections.stop();
});

test('closes at the idle limit unless other requests slid the session', async (t) => {
  const { runtime, stored, state, connections, makeSession } = setUp();
  let isClosed = false;
  const session = makeSession('a');
  connections.add(session, () => (isClosed = true));
  runtime.advance(59_000);
  stored.set('a', { ...session, lastSeenAtMs: runtime.now() });
  runtime.advance(2_000);
  await eventually('the store is asked', () => state.reads === 1, { timeoutMs: 2_000 });
  t.false(isClosed);
  stored.delete('a');
  runtime.advance(60_000);
  await eventually('closed', () => isClosed, { timeoutMs: 2_000 });
  t.is(connections.size(), 0);
  connections.stop();
});

test('waits a while for a store that is down, not for ever', async (t) => {
  const { runtime, state, connections, makeSession } = setUp();
  let isClosed = false;
  state.isDown = true;
  connections.add(makeSession('a'), () => (isClosed = true));
  runtime.advance(61_000);
  await eventually('the store is asked', () => state.reads > 0, { timeoutMs: 2_000 });
  t.false(isClosed);
  runtime.advance(30_000);
  await eventually('closed', () => isClosed, { timeoutMs: 2_000 });
  connections.stop();
});

test('checks every session anew when ends may have gone unheard', async (t) => {
  const { stored, doubt, connections, makeSession } = setUp();
  const closed: string[] = [];
  connections.add(makeSession('dead'), () => closed.push('dead'));
  connections.add(makeSession('alive'), () => closed.push('alive'));
  stored.delete('dead');
  doubt();
  await eventually('closed', () => closed.length > 0, { timeoutMs: 2_000 });
  t.deepEqual(closed, ['dead']);
  t.is(connections.size(), 1);
  connections.stop();
});

test('goes on when closing one connection fails', (t) => {
  const { runtime, connections, makeSession, end } = setUp();
  const closed: string[] = [];
  connections.add(makeSession('a'), () => {
    throw new Error('already gone');
  });
  connections.add(makeSession('a'), () => closed.push('second'));
  end('a');
  t.deepEqual(closed, ['second']);
  t.true(runtime.lines.some(({ event }) => event === 'connection.close-failed'));
  connections.stop();
});

test('hears nothing more once stopped', (t) => {
  const { connections, subscriptions } = setUp();
  t.is(subscriptions(), 2);
  connections.stop();
  t.is(subscriptions(), 0);
});
