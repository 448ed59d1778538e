import test from 'ava';
import type { Throttle } from '../../../src/sign-in/throttle.ts';
import { createThrottle } from '../../../src/sign-in/throttle.ts';
import { createTestCounters } from '../../support/counters.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const minute = 60_000;

function setUp(failures = 3) {
  const runtime = createTestRuntime();
  const counters = createTestCounters(runtime.now);
  const config = { failures, withinMs: 5 * minute, lockForMs: 10 * minute };
  return { runtime, counters, throttle: createThrottle({ counters, config, runtime }) };
}

type Told = 'wrong' | 'right' | 'throttled';

/** One try; tells whether it came to the password, and what of it. */
async function attempt(throttle: Throttle, user: string | null, address: string, isRight = false): Promise<Told> {
  const reservation = await throttle.reserve({ user, address });
  if (reservation.kind === 'throttled') return 'throttled';
  const outcome = isRight ? 'right' : 'wrong';
  await reservation.settle(outcome);
  return outcome;
}

test('an account locks after its failures, for the right password too, and opens again', async (t) => {
  const { throttle, runtime } = setUp();
  for (let i = 0; i < 3; i += 1) t.is(await attempt(throttle, 'alice', '192.0.2.1'), 'wrong');
  t.is(await attempt(throttle, 'alice', '192.0.2.2', true), 'throttled');
  runtime.advance(10 * minute - 1);
  t.is(await attempt(throttle, 'alice', '192.0.2.2', true), 'throttled');
  runtime.advance(1);
  t.is(await attempt(throttle, 'alice', '192.0.2.2', true), 'right');
});

test('says how long a lock still lasts, and trying does not prolong it', async (t) => {
  const { throttle, runtime } = setUp();
  for (let i = 0; i < 3; i += 1) await attempt(throttle, 'alice', '192.0.2.1');
  runtime.advance(4 * minute);
  for (let i = 0; i < 5; i += 1) {
    const reservation = await throttle.reserve({ user: 'alice', address: '192.0.2.9' });
    t.deepEqual(reservation, { kind: 'throttled', retryAfterSeconds: 360, by: 'account' });
  }
  runtime.advance(6 * minute);
  t.is(await attempt(throttle, 'alice', '192.0.2.9'), 'wrong');
});

test('after a lock the count starts anew', async (t) => {
  const { throttle, runtime } = setUp();
  for (let i = 0; i < 3; i += 1) await attempt(throttle, 'alice', '192.0.2.1');
  runtime.advance(10 * minute);
  t.is(await attempt(throttle, 'alice', '192.0.2.2'), 'wrong');
  t.is(await attempt(throttle, 'alice', '192.0.2.3'), 'wrong');
  t.is(await attempt(throttle, 'alice', '192.0.2.4', true), 'right');
});

test('failures count only within their window', async (t) => {
  const { throttle, runtime } = setUp();
  await attempt(throttle, 'alice', '192.0.2.1');
  await attempt(throttle, 'alice', '192.0.2.1');
  runtime.advance(5 * minute);
  await attempt(throttle, 'alice', '192.0.2.1');
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
});

test('a right password clears the count of its account alone', async (t) => {
  const { throttle } = setUp();
  await attempt(throttle, 'alice', '192.0.2.1');
  await attempt(throttle, 'alice', '192.0.2.1');
  await attempt(throttle, 'bob', '192.0.2.1');
  await attempt(throttle, 'bob', '192.0.2.1');
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
  await attempt(throttle, 'alice', '192.0.2.1');
  await attempt(throttle, 'alice', '192.0.2.1');
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
  await attempt(throttle, 'bob', '192.0.2.1');
  t.is(await attempt(throttle, 'bob', '192.0.2.1', true), 'throttled');
});

test('somebody who guesses between sign-ins of their own is stopped all the same', async (t) => {
  const { throttle } = setUp();
  const told: Told[] = [];
  for (let i = 0; i < 20; i += 1) {
    told.push(await attempt(throttle, `victim${i}`, '192.0.2.1'));
    await attempt(throttle, 'mallory', '192.0.2.1', true);
  }
  t.is(told.filter((one) => one === 'wrong').length, 12);
  t.is(await attempt(throttle, 'mallory', '192.0.2.1', true), 'throttled');
});

test('one address that tries many users locks after four times as many failures', async (t) => {
  const { throttle } = setUp();
  for (let i = 0; i < 12; i += 1) t.is(await attempt(throttle, `user${i}`, '192.0.2.1'), 'wrong');
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'throttled');
  t.is(await attempt(throttle, 'alice', '192.0.2.2', true), 'right', 'others are not locked out');
});

test('an IPv6 address counts by its /64, an IPv4 address by itself', async (t) => {
  const { throttle } = setUp(1);
  const addresses = ['2001:db8:0:1::1', '2001:db8::1:ffff:0:0:1', '2001:DB8:0:1:a:b:c:d', '2001:0db8:0000:0001::9'];
  for (const [index, address] of addresses.entries()) t.is(await attempt(throttle, `u${index}`, address), 'wrong');
  t.is(await attempt(throttle, 'x', '2001:db8:0:1::2', true), 'throttled');
  t.is(await attempt(throttle, 'x', '2001:db8:0:2::1', true), 'right');
  t.is(await attempt(throttle, 'x', '2001:db8::1', true), 'right');
  t.is(await attempt(throttle, 'x', '::1', true), 'right');
  t.is(await attempt(throttle, 'x', '64:ff9b::192.0.2.1', true), 'right');
});

test('a name that can not be one counts for the address alone', async (t) => {
  const { throttle } = setUp();
  for (let i = 0; i < 12; i += 1) t.is(await attempt(throttle, null, '192.0.2.1'), 'wrong');
  t.is(await attempt(throttle, null, '192.0.2.1'), 'throttled');
  t.is(await attempt(throttle, null, '192.0.2.2'), 'wrong');
});

test('of sixty parallel wrong tries no more than the limit come to the password', async (t) => {
  const { throttle } = setUp();
  const told = await Promise.all(Array.from({ length: 60 }, (_, i) => attempt(throttle, 'alice', `198.51.100.${i}`)));
  t.is(told.filter((one) => one === 'wrong').length, 3);
  t.is(told.filter((one) => one === 'throttled').length, 57);
});

test('two processes on one store share the limit under parallel tries', async (t) => {
  const { counters, runtime } = setUp();
  const config = { failures: 3, withinMs: 5 * minute, lockForMs: 10 * minute };
  const throttles = [0, 1].map(() => createThrottle({ counters, config, runtime }));
  const told = await Promise.all(
    Array.from({ length: 60 }, (_, i) => attempt(throttles[i % 2]!, 'alice', `198.51.100.${i}`)),
  );
  t.true(told.filter((one) => one === 'wrong').length <= 3);
});

test('two hundred parallel right sign-ins of one account all pass, few store calls each', async (t) => {
  const { throttle, counters } = setUp(5);
  const told = await Promise.all(Array.from({ length: 200 }, () => attempt(throttle, 'alice', '192.0.2.1', true)));
  t.true(told.every((one) => one === 'right'));
  t.true(counters.calls() <= 200 * 8, String(counters.calls()));
});

test('one wrong try among right ones that are still open locks nobody', async (t) => {
  const { throttle } = setUp();
  const open = [];
  for (let i = 0; i < 3; i += 1) open.push(await throttle.reserve({ user: 'alice', address: '192.0.2.1' }));
  const [one, other, last] = open.map((reservation) =>
    reservation.kind === 'reserved' ? reservation.settle : async () => t.fail('refused'),
  );
  await last?.('wrong');
  await one?.('right');
  await other?.('right');
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
});

test('a try that was abandoned does not count', async (t) => {
  const { throttle } = setUp();
  for (let i = 0; i < 30; i += 1) {
    const reservation = await throttle.reserve({ user: 'alice', address: '192.0.2.1' });
    t.is(reservation.kind, 'reserved');
    if (reservation.kind === 'reserved') await reservation.settle('abandoned');
  }
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
});

test('a store that fails lets nobody in and leaves no slot taken', async (t) => {
  const { runtime, counters } = setUp();
  let isDown = true;
  const config = { failures: 1, withinMs: minute, lockForMs: minute };
  const throttle = createThrottle({
    counters: {
      ...counters,
      add: async (...args) => {
        if (isDown) throw new Error('down');
        return counters.add(...args);
      },
    },
    config,
    runtime,
  });
  for (let i = 0; i < 10; i += 1)
    await t.throwsAsync(throttle.reserve({ user: 'alice', address: '192.0.2.1' }), { message: 'down' });
  isDown = false;
  t.is(await attempt(throttle, 'alice', '192.0.2.1', true), 'right');
});
