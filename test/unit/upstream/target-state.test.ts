import test from 'ava';
import { conditions, TargetState } from '../../../src/upstream/target-state.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const ejection = { failures: 3, forMs: 10_000, longestMs: 30_000 };
const error = new Error('refused');

function stage() {
  const runtime = createTestRuntime(0);
  const state = new TargetState('app', 'http://a', runtime.log);
  return {
    state,
    ...runtime,
    fail: () => state.failed(runtime.now(), runtime.now(), ejection, error),
    answer: () => state.answered(runtime.now(), runtime.now()),
    isFit: () => state.condition(runtime.now()) === conditions.fit,
  };
}

test('a target is ejected after failures in a row, and an answer between them counts anew', (t) => {
  const { state, fail, answer, isFit, lines } = stage();
  fail();
  fail();
  answer();
  fail();
  fail();
  t.true(isFit());
  fail();
  t.false(isFit());
  t.deepEqual([state.failures, state.ejections], [5, 1]);
  t.like(lines, [
    { level: 'warn', event: 'upstream.target-down', fields: { route: 'app', target: 'http://a', forMs: 10_000 } },
  ]);
});

test('each ejection that follows at once is twice as long, up to the longest', (t) => {
  const { fail, isFit, advance } = stage();
  for (let count = 0; count < 3; count += 1) fail();
  for (const forMs of [10_000, 20_000, 30_000, 30_000]) {
    advance(forMs - 1);
    t.false(isFit());
    advance(1);
    t.true(isFit(), `after ${forMs}`);
    // The first request after it decides.
    fail();
    t.false(isFit());
  }
});

test('a target that held out for longer than it was out starts again with the shortest ejection', (t) => {
  const { fail, answer, isFit, advance, lines } = stage();
  for (let count = 0; count < 3; count += 1) fail();
  advance(10_000);
  answer();
  t.is(lines.at(-1)?.event, 'upstream.target-up');
  advance(10_000);
  for (let count = 0; count < 3; count += 1) fail();
  advance(10_000);
  t.true(isFit());
});

test('requests from before an ejection neither end nor prolong it', (t) => {
  const { state, fail, isFit, advance, now } = stage();
  advance(1_000);
  for (let count = 0; count < 3; count += 1) fail();
  state.answered(500, now());
  t.false(isFit());
  advance(10_000);
  state.failed(500, now(), ejection, error);
  t.true(isFit());
  t.is(state.ejections, 1);
});

test('failures of an ejected target that is tried all the same do not prolong its ejection; an answer ends it', (t) => {
  const { fail, answer, isFit, advance } = stage();
  for (let count = 0; count < 3; count += 1) fail();
  advance(5_000);
  for (let count = 0; count < 30; count += 1) fail();
  advance(5_000);
  t.true(isFit());
  fail();
  advance(1);
  t.false(isFit());
  answer();
  t.true(isFit());
});

test('a health check takes a target out and back after as many results in a row as it says', (t) => {
  const { state, isFit, now, lines } = stage();
  const after = { healthyAfter: 2, unhealthyAfter: 3 };
  const check = (why: string | null): void => state.checked(why, now(), after);
  check('status 500');
  check('status 500');
  check(null);
  check('status 500');
  check('status 500');
  t.true(isFit());
  check('status 500');
  t.is(state.condition(now()), conditions.down);
  check(null);
  check('status 500');
  check(null);
  t.false(isFit());
  check(null);
  t.true(isFit());
  t.deepEqual(
    lines.map(({ event }) => event),
    ['upstream.target-down', 'upstream.target-up'],
  );
});

test('a target that is no longer checked is no longer down', (t) => {
  const { state, isFit, now } = stage();
  state.checked('status 500', now(), { healthyAfter: 1, unhealthyAfter: 1 });
  t.false(isFit());
  state.unchecked();
  t.true(isFit());
});
