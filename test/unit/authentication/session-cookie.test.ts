import test from 'ava';
import type { Authentication } from '../../../src/authentication/authenticator.ts';
import { createSessionCookieAuthenticator } from '../../../src/authentication/session-cookie.ts';
import type { RenewalOutcome } from '../../../src/authentication/session-renewal.ts';
import { GatewayError, hasCode } from '../../../src/errors.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import type { RequestFacts } from '../../../src/request/facts.ts';
import type { Session } from '../../../src/session/session.ts';
import type { DirectoryUser } from '../../../src/users/user-directory.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const scope = { acceptBasic: false, acceptTokens: false };

function identityOf(over: Partial<Identity> = {}): Identity {
  return {
    user: 'ann',
    name: 'Ann',
    email: 'ann@example.com',
    groups: ['staff'],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'ann',
    ...over,
  };
}

function sessionOf(over: Partial<Session> = {}): Session {
  return {
    id: 'id-of-ann',
    identity: identityOf(),
    site: 'app.test',
    authenticatedAtMs: 5,
    createdAtMs: 5,
    lastSeenAtMs: 5,
    idleTimeoutMs: 1_000,
    expiresAtMs: 10_000,
    remembered: false,
    amr: ['pwd'],
    address: '',
    userAgent: '',
    credential: 'c1',
    provider: null,
    handles: [],
    ...over,
  };
}

function factsWith(...sessionTokens: string[]): RequestFacts {
  return { sessionTokens, host: 'app.test' } as unknown as RequestFacts;
}

function setUp({ session = sessionOf() }: { session?: Session } = {}) {
  const runtime = createTestRuntime(Date.now());
  const state = {
    session: session as Session | null,
    lookups: 0,
    ended: [] as string[],
    touched: [] as Session[],
    touchFails: false,
    renewals: 0,
    renewal: { kind: 'postponed', untilMs: 0 } as RenewalOutcome,
  };
  const users = {
    revision: 1,
    user: { identity: identityOf(), disabled: false, passwordHash: '', credential: 'c1' } as DirectoryUser | null,
  };
  const authenticate = createSessionCookieAuthenticator({
    siteOf: (host) => host,
    renewal: {
      renew: async () => {
        state.renewals += 1;
        return state.renewal;
      },
    },
    runtime,
    sessions: {
      find: (token) => {
        if (token === 'slow') return Promise.resolve(state.session);
        if (token === 'down') return Promise.reject(new GatewayError('store-unavailable', 'down'));
        return token === 'good' ? state.session : null;
      },
      touch: (touched) => {
        state.touched.push(touched);
        return state.touchFails ? Promise.reject(new Error('store is down')) : undefined;
      },
      update: async (old, change) => {
        if (state.session === null) return null;
        state.session = { ...old, ...change };
        return state.session;
      },
      end: async (id, reason) => {
        state.ended.push(`${id} ${reason}`);
        state.session = null;
        return true;
      },
    },
    directory: {
      get revision() {
        return users.revision;
      },
      find: () => {
        state.lookups += 1;
        return users.user;
      },
      sameCredential: (one, other) => (one === other ? true : Promise.resolve(other === `${one}-rehashed`)),
    },
  });
  return { runtime, state, users, authenticate };
}

function reasonOf(answer: Authentication): string {
  return answer.kind === 'rejected'
    ? `${answer.reason}, ${answer.clearSessionCookie ? 'cleared' : 'kept'}`
    : answer.kind;
}

test('has no word on a request without a session cookie', async (t) => {
  t.is(reasonOf(await setUp().authenticate(factsWith(), scope)), 'none');
});

test('answers at once for a session that is near, and asks the users only when they changed', (t) => {
  const { state, users, authenticate } = setUp();
  const first = authenticate(factsWith('good'), scope);
  t.false(first instanceof Promise);
  t.like(first, { kind: 'authenticated', session: state.session, consumesAuthorization: false, authenticatedAtMs: 5 });
  t.is(authenticate(factsWith('good', 'good'), scope), first);
  t.is(state.lookups, 1);
  users.revision = 2;
  t.false(authenticate(factsWith('good'), scope) instanceof Promise);
  t.is(state.lookups, 2);
  t.is(state.touched.length, 3);
});

test('believes neither of two distinct tokens', async (t) => {
  const { authenticate } = setUp();
  for (const tokens of [
    ['good', 'evil'],
    ['evil', 'good'],
    ['good', 'good', 'evil'],
  ]) {
    t.is(reasonOf(await authenticate(factsWith(...tokens), scope)), 'ambiguous-session-cookie, cleared');
  }
});

test('clears a cookie that opens no session', async (t) => {
  t.is(reasonOf(await setUp().authenticate(factsWith('dead'), scope)), 'session-unknown, cleared');
});

test('passes on that the store is unreachable', async (t) => {
  const error = await t.throwsAsync(async () => setUp().authenticate(factsWith('down'), scope));
  t.true(hasCode(error, 'store-unavailable'));
});

test('ends the session of a user who is gone or disabled', async (t) => {
  for (const user of [null, { identity: identityOf(), disabled: true, passwordHash: '', credential: 'c1' }]) {
    const { state, users, authenticate } = setUp();
    await authenticate(factsWith('good'), scope);
    users.revision += 1;
    users.user = user;
    t.is(reasonOf(await authenticate(factsWith('slow'), scope)), 'user-gone, cleared');
    t.deepEqual(state.ended, ['id-of-ann user-gone']);
  }
});

test('ends the session of a user whose password changed, not of one whose hash was renewed', async (t) => {
  const { state, users, authenticate } = setUp();
  users.user = { identity: identityOf(), disabled: false, passwordHash: '', credential: 'c1-rehashed' };
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  t.is(state.session?.credential, 'c1-rehashed');
  users.revision += 1;
  users.user = { ...users.user, credential: 'c2' };
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'credential-changed, cleared');
  t.deepEqual(state.ended, ['id-of-ann credential-changed']);
});

test('takes on new groups, names and addresses of a user', async (t) => {
  for (const over of [
    { groups: [] },
    { groups: ['staff', 'admins'] },
    { name: 'Anna' },
    { email: '' },
    { claims: { a: ['b'] } },
  ]) {
    const { users, authenticate } = setUp();
    await authenticate(factsWith('good'), scope);
    users.revision += 1;
    users.user = { identity: identityOf(over), disabled: false, passwordHash: '', credential: 'c1' };
    t.like(await authenticate(factsWith('good'), scope), { kind: 'authenticated', identity: identityOf(over) });
  }
});

test('leaves sessions of other sign-in methods to those', async (t) => {
  const identity = identityOf({ method: 'corp', issuer: 'https://id.test', subject: '42' });
  const { users, authenticate } = setUp({ session: sessionOf({ identity }) });
  users.user = null;
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
});

test('ends the session of somebody else under a name that the users file claims', async (t) => {
  const identity = identityOf({ method: 'corp', issuer: 'https://id.test', subject: '42' });
  const { state, users, authenticate } = setUp({ session: sessionOf({ identity }) });
  const listed = users.user;
  users.user = null;
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  users.user = listed;
  users.revision += 1;
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'name-taken, cleared');
  t.deepEqual(state.ended, ['id-of-ann name-taken']);
});

test('asks the provider when its time has come, and not again before the time that it named', async (t) => {
  const provider = { id: 'corp', checkAtMs: 0, failingSinceMs: null, data: '', accessToken: null };
  const identity = identityOf({ method: 'corp', issuer: 'https://id.test', subject: '42' });
  const { runtime, state, users, authenticate } = setUp({ session: sessionOf({ identity, provider }) });
  users.user = null;
  state.renewal = { kind: 'postponed', untilMs: runtime.now() + 1_000 };
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  t.is(state.renewals, 1);
  users.revision += 1;
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  t.is(state.renewals, 1);
  runtime.advance(1_000);
  const renewed = sessionOf({ identity: { ...identity, groups: ['new'] }, provider: { ...provider, checkAtMs: 1e15 } });
  state.renewal = { kind: 'live', session: renewed };
  t.like(await authenticate(factsWith('good'), scope), { kind: 'authenticated', identity: { groups: ['new'] } });
  runtime.advance(1_000);
  state.renewal = { kind: 'over', reason: 'provider-ended' };
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'provider-ended, cleared');
  t.is(state.renewals, 3);
});

test('lets a request pass whose slide could not be written', async (t) => {
  const { runtime, state, authenticate } = setUp();
  state.touchFails = true;
  t.is(reasonOf(await authenticate(factsWith('good'), scope)), 'authenticated');
  await new Promise((resolve) => setImmediate(resolve));
  t.true(runtime.lines.some(({ event }) => event === 'session.touch-failed'));
});

test('believes a session only where its cookie is sent', async (t) => {
  for (const [site, expected] of [
    ['app.test', 'authenticated'],
    ['other.test', 'session-of-another-host, cleared'],
    ['', 'session-of-another-host, cleared'],
  ] as const) {
    const { state, authenticate } = setUp({ session: sessionOf({ site }) });
    t.is(reasonOf(await authenticate(factsWith('good'), scope)), expected);
    t.deepEqual(state.ended, [], 'where it belongs it goes on');
  }
});
