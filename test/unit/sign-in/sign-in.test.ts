import test from 'ava';
import { GatewayError } from '../../../src/errors.ts';
import type { RequestFacts } from '../../../src/request/facts.ts';
import type { NewSession, Session } from '../../../src/session/session.ts';
import { createSignInFinish, type SignInAudit } from '../../../src/sign-in/finish.ts';
import type { PasswordMethod } from '../../../src/sign-in/method.ts';
import { createPasswordSignIn } from '../../../src/sign-in/sign-in.ts';
import { createThrottle } from '../../../src/sign-in/throttle.ts';
import { createTestCounters } from '../../support/counters.ts';
import { makeFacts } from '../../support/facts.ts';
import { createTestRuntime } from '../../support/runtime.ts';

interface AuditLine {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function setUp(options: { readonly rememberAllowed?: boolean; readonly failures?: number } = {}) {
  const runtime = createTestRuntime();
  const live = new Map<string, Session>();
  const ended: [string, string][] = [];
  const audited: AuditLine[] = [];
  const asked: [string, string][] = [];
  const control = { error: null as Error | null, takenName: '' };
  let made = 0;
  const method: PasswordMethod = {
    kind: 'password',
    id: 'local',
    verify: async (user, password) => {
      asked.push([user, password]);
      if (control.error) throw control.error;
      if (user === 'dave') return { kind: 'refused', reason: 'user-disabled' };
      if (user !== 'alice' && user !== 'bob') return { kind: 'refused', reason: 'unknown-user' };
      if (password !== 'right') return { kind: 'refused', reason: 'wrong-password' };
      const identity = {
        user,
        name: user,
        email: '',
        groups: [],
        claims: {},
        method: 'local',
        issuer: 'local',
        subject: user,
      };
      return { kind: 'verified', identity, credential: `c-${user}`, amr: ['pwd'] };
    },
  };
  const sessions = {
    create: async (input: NewSession) => {
      made += 1;
      const token = `token-${made}`;
      const session: Session = {
        id: `id-${made}`,
        authenticatedAtMs: 0,
        createdAtMs: 0,
        lastSeenAtMs: 0,
        idleTimeoutMs: 0,
        expiresAtMs: 0,
        provider: null,
        handles: [],
        ...input,
      };
      live.set(token, session);
      return { token, session };
    },
    find: (token: string) => live.get(token) ?? null,
    end: async (id: string, reason: string) => {
      ended.push([id, reason]);
      for (const [token, session] of live) if (session.id === id) live.delete(token);
      return true;
    },
  };
  const counters = createTestCounters(runtime.now);
  const config = { failures: options.failures ?? 3, withinMs: 300_000, lockForMs: 600_000 };
  const audit: SignInAudit = (event, _facts, fields) => void audited.push({ event, fields });
  const signIn = createPasswordSignIn({
    method,
    throttle: createThrottle({ counters, config, runtime }),
    finish: createSignInFinish({
      sessions,
      bindings: { claim: async ({ user }) => user !== control.takenName },
      siteOf: (host) => `site of ${host}`,
      rememberAllowed: options.rememberAllowed ?? true,
      newSignInHandle: null,
      audit,
    }),
    audit,
  });
  const attempt = (
    username: string,
    password: string,
    more: { readonly facts?: RequestFacts; readonly remember?: boolean; readonly tokens?: readonly string[] } = {},
  ) =>
    signIn.signIn({
      username,
      password,
      remember: more.remember ?? false,
      facts: { ...(more.facts ?? makeFacts({ method: 'POST' })), sessionTokens: more.tokens ?? [] },
    });
  return { attempt, runtime, live, ended, audited, asked, control };
}

test('makes a new session that remembers who, how and from where', async (t) => {
  const { attempt, audited } = setUp();
  const facts = makeFacts({ clientAddress: '192.0.2.9', headers: [['User-Agent', 'x'.repeat(1_000)]] });
  const result = await attempt('alice', 'right', { facts });
  t.is(result.kind, 'signed-in');
  if (result.kind !== 'signed-in') return;
  t.is(result.session.identity.user, 'alice');
  t.is(result.session.address, '192.0.2.9');
  t.is(result.session.userAgent.length, 256);
  t.regex(result.session.site, /^site of \S+$/);
  t.is(result.session.credential, 'c-alice');
  t.deepEqual(result.session.amr, ['pwd']);
  t.false(result.session.remembered);
  t.false(result.userChanged);
  t.deepEqual(audited, [
    {
      event: 'sign-in.succeeded',
      fields: { user: 'alice', method: 'local', session: result.session.id, remembered: false },
    },
  ]);
});

test('every spelling of a name is one user', async (t) => {
  for (const username of ['alice', 'Alice', 'ALICE', ' alice', 'alice ', 'ａｌｉｃｅ']) {
    const { attempt, asked } = setUp();
    t.is((await attempt(username, 'right')).kind, 'signed-in', username);
    t.deepEqual(asked, [['alice', 'right']]);
  }
});

test('every spelling of a name shares one count', async (t) => {
  const { attempt } = setUp({ failures: 5 });
  for (const username of ['alice', 'Alice', 'ALICE', ' alice', 'ａｌｉｃｅ']) await attempt(username, 'wrong');
  t.is((await attempt('alice', 'right')).kind, 'throttled');
});

test('the password goes to the method as it was typed', async (t) => {
  const { attempt, asked } = setUp();
  for (const password of [' right', 'right ', 'RIGHT', 'right\0', 'ｒight'])
    await attempt('bob', password, { facts: makeFacts({ clientAddress: '192.0.2.1' }) }).catch(() => undefined);
  t.deepEqual(
    asked.map(([, password]) => password),
    [' right', 'right ', 'RIGHT'],
  );
});

test('refuses all alike, and tells only the log why', async (t) => {
  const { attempt, audited } = setUp();
  const refusals = [
    ['alice', 'wrong', 'wrong-password'],
    ['nobody', 'right', 'unknown-user'],
    ['dave', 'right', 'user-disabled'],
    ['carol', '', 'empty-password'],
    ['', 'right', 'malformed-user-name'],
    ['a\r\nb', 'right', 'malformed-user-name'],
    ['x'.repeat(10_000), 'right', 'malformed-user-name'],
  ] as const;
  for (const [username, password, reason] of refusals)
    t.deepEqual(await attempt(username, password), { kind: 'refused', reason });
  t.deepEqual(
    audited.map(({ event, fields }) => [event, fields['reason']]),
    refusals.map(([, , reason]) => ['sign-in.failed', reason]),
  );
  for (const { fields } of audited) {
    t.true(String(fields['user']).length <= 64);
    t.notRegex(String(fields['user']), /[\x00-\x1f]/);
  }
  t.false(JSON.stringify(audited).includes('right'));
});

test('while an account is locked the right password is not even looked at', async (t) => {
  const { attempt, asked, runtime, audited } = setUp();
  for (let i = 0; i < 3; i += 1) await attempt('alice', 'wrong');
  t.deepEqual(await attempt('alice', 'right'), { kind: 'throttled', retryAfterSeconds: 600 });
  t.is(asked.length, 3);
  t.is(audited.at(-1)?.event, 'sign-in.throttled');
  runtime.advance(600_000);
  t.is((await attempt('alice', 'right')).kind, 'signed-in');
});

test('an unknown user locks like a known one', async (t) => {
  const { attempt } = setUp();
  for (let i = 0; i < 3; i += 1) await attempt('nobody', 'wrong');
  t.deepEqual(await attempt('nobody', 'wrong'), { kind: 'throttled', retryAfterSeconds: 600 });
});

test("ends the browser's old session, whoever it belonged to, and says whether the user changed", async (t) => {
  const { attempt, live, ended } = setUp();
  const first = await attempt('alice', 'right', { tokens: ['chosen-by-somebody-else'] });
  t.true(first.kind === 'signed-in' && first.token !== 'chosen-by-somebody-else');
  t.deepEqual(ended, []);
  if (first.kind !== 'signed-in') return;
  const again = await attempt('alice', 'right', { tokens: [first.token] });
  t.true(again.kind === 'signed-in' && !again.userChanged && again.token !== first.token);
  if (again.kind !== 'signed-in') return;
  const bob = await attempt('bob', 'right', { tokens: [again.token, again.token] });
  t.true(bob.kind === 'signed-in' && bob.userChanged);
  t.deepEqual(ended, [
    ['id-1', 'replaced'],
    ['id-2', 'replaced'],
  ]);
  t.deepEqual(
    [...live.values()].map(({ identity }) => identity.user),
    ['bob'],
  );
});

test('a failed try leaves the session that the browser has', async (t) => {
  const { attempt, live } = setUp();
  const first = await attempt('alice', 'right');
  const tokens = first.kind === 'signed-in' ? [first.token] : [];
  await attempt('bob', 'wrong', { tokens });
  for (let i = 0; i < 4; i += 1) await attempt('alice', 'wrong', { tokens });
  t.is(live.size, 1);
});

test('remembers only where the box is offered', async (t) => {
  const offered = await setUp().attempt('alice', 'right', { remember: true });
  t.true(offered.kind === 'signed-in' && offered.session.remembered);
  const hidden = await setUp({ rememberAllowed: false }).attempt('alice', 'right', { remember: true });
  t.true(hidden.kind === 'signed-in' && !hidden.session.remembered);
});

test('says busy when too many passwords wait, and counts no failure', async (t) => {
  const { attempt, control } = setUp();
  control.error = new GatewayError('sign-in-busy', 'too many');
  for (let i = 0; i < 10; i += 1) t.is((await attempt('alice', 'right')).kind, 'busy');
  control.error = null;
  t.is((await attempt('alice', 'right')).kind, 'signed-in');
});

test('a surprise in the method is thrown on, and counts no failure', async (t) => {
  const { attempt, control } = setUp();
  control.error = new GatewayError('store-unavailable', 'down');
  for (let i = 0; i < 10; i += 1) await t.throwsAsync(attempt('alice', 'right'), { code: 'store-unavailable' });
  control.error = null;
  t.is((await attempt('alice', 'right')).kind, 'signed-in');
});

test('of sixty parallel wrong tries at most three come to the method', async (t) => {
  const { attempt, asked } = setUp();
  const results = await Promise.all(Array.from({ length: 60 }, () => attempt('alice', 'wrong')));
  t.is(asked.length, 3);
  t.is(results.filter(({ kind }) => kind === 'throttled').length, 57);
});
