import { randomBytes } from 'node:crypto';
import type { TestFn } from 'ava';
import type { Identity } from '../../src/identity/identity.ts';
import { createSessionStore, maxSessionsPerUser } from '../../src/session/store.ts';
import type { NewSession, Session, SessionStore } from '../../src/session/session.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/programs.ts';
import { createStoreWorld } from './stores.ts';
import type { StoreKind, StoreWorld } from './stores.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const config = { idleTimeoutMs: hourMs, lifetimeMs: 12 * hourMs, rememberForMs: 400 * dayMs };

export function identityOf(user: string, groups: readonly string[] = []): Identity {
  return {
    user,
    name: user.toUpperCase(),
    email: `${user}@example.com`,
    groups,
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: user,
  };
}

function signIn(user: string, over: Partial<NewSession> = {}): NewSession {
  return {
    identity: identityOf(user),
    site: 'app.test',
    remembered: false,
    amr: ['pwd'],
    address: '192.0.2.7',
    userAgent: 'a browser',
    credential: 'fingerprint',
    ...over,
  };
}

async function collect(sessions: AsyncIterable<Session>): Promise<readonly Session[]> {
  const found: Session[] = [];
  for await (const session of sessions) found.push(session);
  return found;
}

/** A store that counts its reads and writes of sessions. */
function counted(store: Store): { readonly store: Store; readonly reads: () => number; readonly writes: () => number } {
  const keyv = store.namespace('session');
  const get = keyv.get.bind(keyv);
  let reads = 0;
  let writes = 0;
  Object.assign(keyv, {
    get: (key: string) => {
      reads += 1;
      return get(key);
    },
  });
  const replace: Store['replace'] = (...args) => {
    writes += 1;
    return store.replace(...args);
  };
  return { store: { ...store, replace }, reads: () => reads, writes: () => writes };
}

/** A request that is sent after an answer never arrives in the same turn of the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the session store must do over every kind of store. */
export function sessionContract(test: TestFn, kind: StoreKind): void {
  let world: StoreWorld;
  test.before(async () => {
    world = await createStoreWorld(kind);
  });
  test.after.always(() => world.end());

  const sessionsOn = (store: Store, secret = world.secret): SessionStore =>
    createSessionStore({ store, secret, config, runtime: world.runtime });
  const open = async (): Promise<SessionStore> => {
    const store = await world.open();
    await eventually('the event channel stands', () => store.events.isCurrent());
    return sessionsOn(store);
  };

  test.serial('ends sessions by their handles, whoever’s they are, and no others', async (t) => {
    const sessions = await open();
    const other = kind === 'memory' ? sessions : await open();
    const made = await Promise.all([
      sessions.create(signIn('hal', { handles: ['sid:1', 'sub:hal'] })),
      sessions.create(signIn('hal', { handles: ['sid:2', 'sub:hal'] })),
      sessions.create(signIn('hal')),
    ]);
    const ended = await other.endHandle('sid:1', 'provider-ended');
    t.deepEqual(
      ended.map(({ id }) => id),
      [made[0].session.id],
    );
    const left = await other.endHandle('sub:hal', 'provider-ended');
    t.deepEqual(
      left.map(({ id }) => id),
      [made[1].session.id],
    );
    t.is(await sessions.find(made[1].token), null);
    t.truthy(await sessions.find(made[2].token));
    t.deepEqual(await sessions.endHandle('sub:hal', 'provider-ended'), []);
    await sessions.endUser('hal', 'revoked');
  });

  test.serial('finds a session by the token it gave out, and by nothing else', async (t) => {
    const sessions = await open();
    const { token, session } = await sessions.create(signIn('ann'));
    t.regex(token, /^[A-Za-z0-9_-]{43}$/);
    t.not(token, session.id);
    t.is((await sessions.find(token))?.identity.user, 'ann');
    t.is(await sessions.find(session.id), null);
    t.is(await sessions.find(randomBytes(32).toString('base64url')), null);
    t.not((await sessions.create(signIn('ann'))).token, token);
  });

  test.serial('answers a malformed token without asking the store', async (t) => {
    const { store, reads } = counted(await world.open());
    const sessions = sessionsOn(store);
    const tokens = ['', '__proto__', 'constructor', '*', '../x', '%00', 'sess:abc', 'a'.repeat(42), 'a'.repeat(44)];
    for (const token of [...tokens, 'x'.repeat(4096), '😀', `${'a'.repeat(42)}=`]) t.is(sessions.find(token), null);
    t.is(reads(), 0);
  });

  test.serial('answers from the near cache at once, and reads the store once for many at the same time', async (t) => {
    const { store, reads } = counted(await world.open());
    await eventually('the event channel stands', () => store.events.isCurrent());
    const sessions = sessionsOn(store);
    const { token } = await sessions.create(signIn('bea'));
    const before = reads();
    await Promise.all(Array.from({ length: 50 }, async () => sessions.find(token)));
    t.is(reads() - before, 1);
    const near = sessions.find(token);
    t.false(near instanceof Promise);
    t.is(reads() - before, 1);
  });

  test.serial('gives the same session object again while the record is unchanged', async (t) => {
    const sessions = await open();
    const { token } = await sessions.create(signIn('same'));
    const first = await sessions.find(token);
    world.runtime.advance(60_001);
    const again = sessions.find(token);
    t.true(again instanceof Promise);
    t.is(await again, first);
  });

  test.serial('ends a session for good', async (t) => {
    const sessions = await open();
    const { token, session } = await sessions.create(signIn('cid'));
    t.truthy(await sessions.find(token));
    const ended: string[] = [];
    sessions.onEnded((id) => ended.push(id));
    t.true(await sessions.end(session.id, 'signed-out'));
    t.is(await sessions.find(token), null);
    t.is(await sessions.read(session.id), null);
    t.deepEqual(ended, [session.id]);
    t.false(await sessions.end(session.id, 'signed-out'));
    t.false(await sessions.end('no id', 'signed-out'));
    t.deepEqual(await sessions.list('cid'), []);
  });

  test.serial('never brings a session back that ended while requests were under way', async (t) => {
    const sessions = await open();
    const { token, session } = await sessions.create(signIn('dan'));
    world.runtime.advance(2 * minuteMs);
    const found = await sessions.find(token);
    t.truthy(found);
    await Promise.all([
      ...Array.from({ length: 25 }, async () => sessions.touch((await sessions.find(token)) ?? session)),
      sessions.end(session.id, 'signed-out'),
      ...Array.from({ length: 25 }, async () => sessions.touch(found!)),
    ]);
    t.is(await sessions.find(token), null);
    t.is(await sessions.read(session.id), null);
    world.runtime.advance(2 * minuteMs);
    await sessions.touch(found!);
    t.is(await sessions.read(session.id), null);
  });

  test.serial('ends after the idle timeout, which requests slide with few writes', async (t) => {
    const { store, writes } = counted(await world.open());
    const sessions = sessionsOn(store);
    const { token } = await sessions.create(signIn('eve'));
    for (let minutes = 0; minutes < 90; minutes += 1) {
      for (let request = 0; request < 5; request += 1) {
        const session = await sessions.find(token);
        t.truthy(session, `minute ${minutes}`);
        await Promise.all([sessions.touch(session!), sessions.touch(session!)]);
        world.runtime.advance(12_000);
      }
    }
    // A thirtieth of the hour: every two minutes.
    t.true(writes() >= 40 && writes() <= 45, `${writes()} writes`);
    world.runtime.advance(hourMs - 3 * minuteMs);
    t.truthy(await sessions.find(token));
    world.runtime.advance(3 * minuteMs);
    t.is(await sessions.find(token), null);
  });

  test.serial('ends at its absolute limit however busy it is', async (t) => {
    const sessions = await open();
    const { token, session } = await sessions.create(signIn('fay'));
    t.is(session.expiresAtMs - session.createdAtMs, config.lifetimeMs);
    for (let at = 0; at < config.lifetimeMs - 10 * minuteMs; at += 10 * minuteMs) {
      world.runtime.advance(10 * minuteMs);
      const found = await sessions.find(token);
      t.truthy(found);
      await sessions.touch(found!);
    }
    world.runtime.advance(10 * minuteMs);
    t.is(await sessions.find(token), null);
  });

  test.serial('keeps a remembered session for its whole long life', async (t) => {
    const sessions = await open();
    const { token, session } = await sessions.create(signIn('gil', { remembered: true }));
    t.true(session.remembered);
    t.is(session.expiresAtMs - session.createdAtMs, 400 * dayMs);
    world.runtime.advance(399 * dayMs);
    t.truthy(await sessions.find(token));
    world.runtime.advance(dayMs);
    t.is(await sessions.find(token), null);
  });

  test.serial('lists and ends the sessions of one user', async (t) => {
    const sessions = await open();
    const made = [];
    for (let count = 0; count < 3; count += 1) made.push(await sessions.create(signIn('hal')));
    const other = await sessions.create(signIn('hal2'));
    t.is((await sessions.list('hal')).length, 3);
    t.is(await sessions.endUser('hal', 'revoked', made[1]!.session.id), 2);
    t.deepEqual(
      (await sessions.list('hal')).map(({ id }) => id),
      [made[1]!.session.id],
    );
    t.truthy(await sessions.find(made[1]!.token));
    t.is(await sessions.find(made[0]!.token), null);
    t.truthy(await sessions.find(other.token));
    t.is(await sessions.endUser('hal', 'revoked'), 1);
    t.is(await sessions.find(made[1]!.token), null);
    t.is(await sessions.endUser('nobody', 'revoked'), 0);
  });

  test.serial('lists every live session', async (t) => {
    const sessions = await open();
    const before = (await collect(sessions.listAll())).length;
    const { session } = await sessions.create(signIn('ida'));
    const all = await collect(sessions.listAll());
    t.is(all.length, before + 1);
    t.deepEqual(
      all.find(({ id }) => id === session.id),
      session,
    );
  });

  test.serial('ends the oldest session of a user who has too many', async (t) => {
    const sessions = await open();
    const first = await sessions.create(signIn('jan'));
    world.runtime.advance(10);
    const second = await sessions.create(signIn('jan'));
    world.runtime.advance(10);
    for (let count = 2; count < maxSessionsPerUser; count += 1) await sessions.create(signIn('jan'));
    t.truthy(await sessions.find(first.token));
    await sessions.create(signIn('jan'));
    t.is(await sessions.find(first.token), null);
    t.truthy(await sessions.find(second.token));
    t.is((await sessions.list('jan')).length, maxSessionsPerUser);
  });

  test.serial('takes on what is new about a user without a new token', async (t) => {
    const sessions = await open();
    const { token } = await sessions.create(signIn('kim'));
    const session = (await sessions.find(token))!;
    const updates = await Promise.all(
      Array.from({ length: 20 }, () =>
        sessions.update(session, { identity: identityOf('kim', ['staff']), credential: 'other' }),
      ),
    );
    for (const updated of updates) t.deepEqual(updated?.identity.groups, ['staff']);
    const found = await sessions.find(token);
    t.deepEqual(found?.identity.groups, ['staff']);
    t.is(found?.credential, 'other');
    await sessions.end(session.id, 'signed-out');
    t.is(await sessions.update(session, { identity: identityOf('kim'), credential: 'third' }), null);
    t.is(await sessions.find(token), null);
  });

  test.serial('does not undo a change by a late slide', async (t) => {
    const sessions = await open();
    const { token } = await sessions.create(signIn('lea', { identity: identityOf('lea', ['admins']) }));
    const old = (await sessions.find(token))!;
    world.runtime.advance(2 * minuteMs);
    await sessions.update(old, { identity: identityOf('lea'), credential: 'fingerprint' });
    await sessions.touch(old);
    t.deepEqual((await sessions.find(token))?.identity.groups, []);
  });

  test.serial('stays flat under made-up tokens', async (t) => {
    const store = await world.open();
    const sessions = sessionsOn(store);
    const before = (await collect(sessions.listAll())).length;
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async () => t.is(await sessions.find(randomBytes(32).toString('base64url')), null)),
      );
    }
    t.is((await collect(sessions.listAll())).length, before);
  });

  test.serial('opens no session with another secret', async (t) => {
    const store = await world.open();
    const { token } = await sessionsOn(store).create(signIn('max'));
    const stranger = sessionsOn(store, randomBytes(32));
    t.is(await stranger.find(token), null);
    t.truthy(await sessionsOn(store).find(token));
  });

  if (kind === 'memory') return;

  test.serial('is heard at the next request of every other process', async (t) => {
    const [one, other] = [await open(), await open()];
    const { token, session } = await one.create(signIn('ned'));
    t.truthy(await other.find(token));
    t.false(other.find(token) instanceof Promise);
    await other.update(session, { identity: identityOf('ned', ['new']), credential: 'fingerprint' });
    await nextTurn();
    t.deepEqual((await one.find(token))?.identity.groups, ['new']);
    await one.end(session.id, 'signed-out');
    await nextTurn();
    t.is(await other.find(token), null);
  });

  test.serial('tells other processes of an end within a second, also when nobody asks', async (t) => {
    const [one, other] = [await open(), await open()];
    const heard: string[] = [];
    other.onEnded((id) => heard.push(id));
    const { session } = await one.create(signIn('oda'));
    await one.end(session.id, 'revoked');
    await eventually('the other process hears', () => heard.includes(session.id), { timeoutMs: 1_000 });
    t.pass();
  });

  test.serial('outlives the process that made it', async (t) => {
    const store = await world.open();
    const { token, session } = await sessionsOn(store).create(signIn('pia'));
    await store.close();
    const after = await open();
    t.deepEqual(await after.find(token), session);
    t.deepEqual(await after.list('pia'), [session]);
    t.is(await after.endUser('pia', 'revoked'), 1);
    t.is(await after.find(token), null);
  });
}
