import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { createAssertionKeys, type AssertionKeys } from '../../../src/identity/keys.ts';
import { createSharedKeys } from '../../support/key-storage.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const hourMs = 3_600_000;

function setUp() {
  const runtime = createTestRuntime();
  const shared = createSharedKeys();
  const join = () => createAssertionKeys({ storage: shared.join(), now: runtime.now });
  return { runtime, shared, join, keys: join() };
}

const kidsOf = (keys: readonly { readonly kid?: string }[]) => keys.map(({ kid }) => kid);

test('makes no key before one is asked for, then one for each algorithm', async (t) => {
  const { keys } = setUp();
  t.deepEqual(await keys.publicKeys([]), []);
  t.deepEqual(await keys.list(), []);
  const first = await keys.signingKey('ES256');
  t.is((await keys.signingKey('ES256')).kid, first.kid);
  t.deepEqual(kidsOf(await keys.publicKeys(['ES256'])), [first.kid]);
  const { kid } = await keys.signingKey('EdDSA');
  t.deepEqual(kidsOf(await keys.publicKeys([])), [first.kid, kid]);
});

test('makes one key when many requests, and several processes, need the first at once', async (t) => {
  const { shared, join } = setUp();
  const processes = [join(), join(), join()];
  const signing = await Promise.all(
    Array.from({ length: 12 }, (_, index) => processes[index % 3]!.signingKey('ES256')),
  );
  t.is(new Set(kidsOf(signing)).size, 1);
  t.is(shared.writes(), 1);
});

test('several processes that need first keys of different algorithms keep all of them', async (t) => {
  const { join } = setUp();
  const [one, other] = [join(), join()];
  const made = await Promise.all([one.signingKey('ES256'), other.signingKey('EdDSA'), one.signingKey('RS256')]);
  t.deepEqual(kidsOf(await join().publicKeys([])).toSorted(), kidsOf(made).toSorted());
});

test('names a key by its RFC 7638 thumbprint and shows its public part only', async (t) => {
  const { keys } = setUp();
  const jwks = await keys.publicKeys(['ES256', 'EdDSA', 'RS256']);
  t.is(jwks.length, 3);
  for (const key of jwks) {
    for (const member of ['d', 'p', 'q', 'k', 'dp', 'dq', 'qi', 'oth']) t.false(member in key, member);
    const { crv, e, kty, n, x, y } = key;
    const required = Object.fromEntries(
      Object.entries({ crv, e, kty, n, x, y }).filter(([, value]) => value !== undefined),
    );
    t.is(key.kid, createHash('sha256').update(JSON.stringify(required)).digest('base64url'));
    t.is(key.use, 'sig');
  }
});

test('rotates every current key and publishes the old ones for two hours', async (t) => {
  const { runtime, keys } = setUp();
  const old = [await keys.signingKey('ES256'), await keys.signingKey('EdDSA')];
  const before = keys.generation();
  const made = await keys.rotate();
  t.deepEqual(
    made.map(({ algorithm, state }) => [algorithm, state]),
    [
      ['ES256', 'current'],
      ['EdDSA', 'current'],
    ],
  );
  t.true(keys.generation() > before);
  t.is((await keys.signingKey('ES256')).kid, made[0]!.kid);
  t.not(made[0]!.kid, old[0]!.kid);
  t.deepEqual(kidsOf(await keys.publicKeys([])), [...kidsOf(made), ...kidsOf(old)]);
  t.deepEqual(
    (await keys.list()).map(({ state }) => state),
    ['current', 'current', 'retired', 'retired'],
  );
  runtime.advance(2 * hourMs - 1);
  t.is((await keys.publicKeys([])).length, 4);
  runtime.advance(1);
  t.deepEqual(kidsOf(await keys.publicKeys([])), kidsOf(made));
});

test('forgets a private key with its rotation, and the whole key at the first one after it was published', async (t) => {
  const { runtime, shared, keys } = setUp();
  await keys.signingKey('ES256');
  const secretOf = () =>
    (JSON.parse(shared.text()) as { keys: { jwk: { d?: string } }[] }).keys.map(({ jwk }) => jwk.d);
  const [first] = secretOf();
  t.is(typeof first, 'string');
  await keys.rotate();
  t.false(shared.text().includes(first!));
  t.deepEqual(
    secretOf().map((secret) => typeof secret),
    ['string', 'undefined'],
  );
  runtime.advance(3 * hourMs);
  await keys.rotate();
  t.is(secretOf().length, 2);
});

test('hears of a rotation by another process at once', async (t) => {
  const { join } = setUp();
  const [one, other] = [join(), join()];
  const { kid } = await one.signingKey('ES256');
  t.is((await other.signingKey('ES256')).kid, kid);
  const [made] = await one.rotate();
  t.is((await other.signingKey('ES256')).kid, made!.kid);
});

test('loses no rotation when two happen at once', async (t) => {
  const { join } = setUp();
  const [one, other] = [join(), join()];
  const { kid } = await one.signingKey('ES256');
  const [[a], [b]] = await Promise.all([one.rotate(), other.rotate()]);
  const published = await join().list();
  t.deepEqual(kidsOf(published).toSorted(), [kid, a!.kid, b!.kid].toSorted());
  t.is(published.filter(({ state }) => state === 'current').length, 1);
});

test('rotates nothing where no key is', async (t) => {
  const { shared, keys } = setUp();
  t.deepEqual(await keys.rotate(), []);
  t.is(shared.writes(), 0);
});

const dayMs = 86_400_000;

/** Lets what would run in the background begin, where nothing should. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for what runs in the background; making a key takes as long as the machine is busy. */
async function untilStatesAre(keys: Pick<AssertionKeys, 'list'>, expected: readonly string[]): Promise<boolean> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5)))
    if (
      isDeepStrictEqual(
        (await keys.list()).map(({ state }) => state),
        expected,
      )
    )
      return true;
  return false;
}

test('a key that has grown old gets a successor, which is published before it signs', async (t) => {
  const runtime = createTestRuntime();
  const shared = createSharedKeys();
  const join = () => createAssertionKeys({ storage: shared.join(), now: runtime.now, rotateAfterMs: 90 * dayMs });
  const [keys, other] = [join(), join()];
  const statesOf = async () => (await keys.list()).map(({ state }) => state);
  const { kid: first } = await keys.signingKey('ES256');
  runtime.advance(90 * dayMs - 600_001);
  await keys.signingKey('ES256');
  await settled();
  t.deepEqual(await statesOf(), ['current']);
  runtime.advance(1);
  t.is((await keys.signingKey('ES256')).kid, first);
  await Promise.all([keys.signingKey('ES256'), other.signingKey('ES256'), other.signingKey('ES256')]);
  t.true(await untilStatesAre(keys, ['current', 'next']));
  const [, next] = await keys.publicKeys([]);
  runtime.advance(599_999);
  t.is((await keys.signingKey('ES256')).kid, first, 'apps may not have seen the new one');
  await settled();
  runtime.advance(1);
  t.is((await keys.signingKey('ES256')).kid, next!.kid!);
  t.is((await other.signingKey('ES256')).kid, next!.kid!);
  t.true(await untilStatesAre(keys, ['retired', 'current']));
  t.is((shared.text().match(/"d":/g) ?? []).length, 1, 'the old private key is forgotten');
  t.deepEqual(kidsOf(await keys.publicKeys([])), [first, next!.kid]);
  runtime.advance(2 * hourMs);
  t.deepEqual(kidsOf(await keys.publicKeys([])), [next!.kid]);
  await keys.signingKey('ES256');
  t.true(await untilStatesAre(keys, ['current']));
});

test('a rotation by hand makes one key, also while a successor waits, and age alone does nothing where it must not', async (t) => {
  const runtime = createTestRuntime();
  const keys = createAssertionKeys({
    storage: createSharedKeys().join(),
    now: runtime.now,
    rotateAfterMs: dayMs,
  });
  await keys.signingKey('ES256');
  runtime.advance(dayMs);
  await keys.signingKey('ES256');
  t.true(await untilStatesAre(keys, ['current', 'next']));
  const [made, ...more] = await keys.rotate();
  t.deepEqual(more, []);
  t.is((await keys.signingKey('ES256')).kid, made!.kid);
  t.deepEqual(
    (await keys.list()).map(({ state }) => state),
    ['current', 'retired', 'retired'],
  );
  const { keys: never, runtime: clock, shared } = setUp();
  await never.signingKey('ES256');
  clock.advance(1_000 * dayMs);
  await never.signingKey('ES256');
  await settled();
  t.is(shared.writes(), 1);
});
