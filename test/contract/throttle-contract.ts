import type { TestFn } from 'ava';
import type { Throttle } from '../../src/sign-in/throttle.ts';
import { createThrottle } from '../../src/sign-in/throttle.ts';
import { createUserDirectory } from '../../src/users/directory.ts';
import { makeFile } from '../support/temporary.ts';
import type { StoreKind } from './stores.ts';
import { createStoreWorld } from './stores.ts';

const config = { failures: 3, withinMs: 20_000, lockForMs: 2_500 };

const first = '$argon2id$v=19$m=19456,t=2,p=1$oxuxpU/9IhjvLCNApG+OJg$eCzw5boVGwfG2ZhMErnxPtaH5+YUVX46YdcHmvSBOss';
const second = '$argon2id$v=19$m=19456,t=2,p=1$9iK4Q6Bx6Nb0JjyfsNzqOA$fLecY3k5+PoJD3vXZU0oWXw5mELVBw/A27uPVAMnBtw';
const third = '$argon2id$v=19$m=19456,t=2,p=1$qhEIZadbl4cmXL86M4VQLQ$CA/mZ4rig49FhMn3oca2s9+757Z+YsRd3Zuz4YaRYe4';

type Told = 'wrong' | 'right' | 'throttled';

async function attempt(throttle: Throttle, user: string, address: string, isRight = false): Promise<Told> {
  const reservation = await throttle.reserve({ user, address });
  if (reservation.kind === 'throttled') return 'throttled';
  await reservation.settle(isRight ? 'right' : 'wrong');
  return isRight ? 'right' : 'wrong';
}

/** What signing in keeps in a store must hold on every kind of store, and for several processes on one. */
export function throttleContract(test: TestFn, kind: StoreKind): void {
  const setUp = async () => {
    const world = await createStoreWorld(kind);
    const stores = [await world.open(), ...(world.shared ? [await world.open()] : [])];
    const throttles = stores.map(({ counters }) => createThrottle({ counters, config, runtime: world.runtime }));
    const [one] = throttles;
    const [store] = stores;
    if (!one || !store) throw new Error('no store');
    return { world, stores, store, one, throttles, other: throttles.at(-1) ?? one };
  };

  test.serial(`${kind}: an account locks for every process and opens again`, async (t) => {
    const { world, one, other } = await setUp();
    t.teardown(world.end);
    for (let i = 0; i < 3; i += 1) t.is(await attempt(one, 'alice', `192.0.2.${i}`), 'wrong');
    t.is(await attempt(other, 'alice', '192.0.2.9', true), 'throttled');
    t.is(await attempt(other, 'bob', '192.0.2.9', true), 'right');
    await world.pass(2_550);
    t.is(await attempt(other, 'alice', '192.0.2.9', true), 'right');
  });

  test.serial(`${kind}: of sixty parallel wrong tries no more than the limit come to the password`, async (t) => {
    const { world, throttles, one } = await setUp();
    t.teardown(world.end);
    const tries = Array.from({ length: 60 }, (_, i) =>
      attempt(throttles[i % throttles.length] ?? one, 'alice', `198.51.100.${i}`),
    );
    const told = await Promise.all(tries);
    t.true(told.filter((outcome) => outcome === 'wrong').length <= 3);
    t.is(told.filter((outcome) => outcome === 'right').length, 0);
  });

  test.serial(
    `${kind}: an address locks after four times as many failures, and a sign-in of its own hides none`,
    async (t) => {
      const { world, one, other } = await setUp();
      t.teardown(world.end);
      const told: Told[] = [];
      for (let i = 0; i < 14; i += 1) {
        told.push(await attempt(one, `user${i}`, '2001:db8::1'));
        await attempt(other, 'mallory', '2001:db8::2', true);
      }
      t.is(told.filter((outcome) => outcome === 'wrong').length, 12);
    },
  );

  test.serial(`${kind}: parallel right sign-ins of one account all pass`, async (t) => {
    const { world, one } = await setUp();
    t.teardown(world.end);
    const told = await Promise.all(Array.from({ length: 40 }, () => attempt(one, 'alice', '192.0.2.1', true)));
    t.true(told.every((outcome) => outcome === 'right'));
  });

  test.serial(`${kind}: a renewed hash is known as the same credential in every process`, async (t) => {
    const { world, stores, store } = await setUp();
    t.teardown(world.end);
    const file = await makeFile(t, 'users.yaml', `users: {alice: {password: "${first}"}}`);
    const { runtime } = world;
    const here = createUserDirectory({ file, runtime, store });
    const there = createUserDirectory({ file, runtime, store: stores.at(-1) ?? store });
    await Promise.all([here.reload(), there.reload()]);
    const before = here.find('alice')?.credential ?? '';
    t.true(await here.rehash('alice', first, second));
    await there.reload();
    t.true(await there.sameCredential(before, there.find('alice')?.credential ?? ''));
    t.false(await there.sameCredential('another', there.find('alice')?.credential ?? ''));
    t.true(await there.rehash('alice', second, third));
    await here.reload();
    t.true(await here.sameCredential(before, here.find('alice')?.credential ?? ''));
  });
}
