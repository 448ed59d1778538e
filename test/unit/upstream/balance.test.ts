import test from 'ava';
import { upstreamConfig } from '../../../src/route/upstream/config.ts';
import type { Upstream } from '../../../src/route/upstream/config.ts';
import { createChoice, hashOf, type Member } from '../../../src/upstream/balance.ts';
import { TargetState } from '../../../src/upstream/target-state.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const { log } = createTestRuntime();

function membersOf({ targets }: Upstream): Member[] {
  return targets.map((target) => ({
    target,
    state: new TargetState('app', target.origin, log),
    seed: hashOf(target.origin),
    account: 0,
  }));
}

const nameOf = (member: Member | null): string => member?.target.origin.slice('http://'.length) ?? '-';

test('gives targets turns by weight, and never all of one in a row', (t) => {
  const upstream = upstreamConfig.parse([{ url: 'http://a', weight: 5 }, 'http://b', 'http://c']);
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  const order = Array.from({ length: 14 }, () => nameOf(choose(members, 0, 0))).join('');
  t.is(order, 'aabacaaaabacaa');
});

test('gives the least busy target the next request, for its weight, and takes turns among equals', (t) => {
  const targets = [{ url: 'http://a', weight: 2 }, 'http://b', 'http://c'];
  const upstream = upstreamConfig.parse({ targets, balance: 'least-connections' });
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  const order = Array.from({ length: 8 }, () => {
    const chosen = choose(members, 0, 0)!;
    chosen.state.active += 1;
    return nameOf(chosen);
  });
  t.deepEqual(order.slice().sort(), ['a', 'a', 'a', 'a', 'b', 'b', 'c', 'c']);
  members[1]!.state.active = 0;
  t.is(nameOf(choose(members, 0, 0)), 'b');
});

test('passes over a target that has as much as it may; none left is null', (t) => {
  for (const balance of ['round-robin', 'least-connections'] as const) {
    const upstream = upstreamConfig.parse({ targets: ['http://a', 'http://b'], balance, maxConnections: 2 });
    const choose = createChoice(upstream);
    const members = membersOf(upstream);
    members[0]!.state.active = 2;
    t.is(nameOf(choose(members, 0, 0)), 'b');
    t.is(nameOf(choose(members, 0, 0)), 'b');
    members[1]!.state.active = 2;
    t.is(choose(members, 0, 0), null);
  }
});

const visitors = Array.from({ length: 4_000 }, (_, index) => hashOf(`visitor ${index}`));

test('keeps every visitor at a target, spread by weight', (t) => {
  const targets = ['http://a', 'http://b', { url: 'http://c', weight: 2 }];
  const upstream = upstreamConfig.parse({ targets, balance: 'sticky' });
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  const first = visitors.map((key) => nameOf(choose(members, key, 0)));
  t.deepEqual(
    visitors.map((key) => nameOf(choose(members, key, 0))),
    first,
  );
  for (const [name, share] of [
    ['a', 0.25],
    ['b', 0.25],
    ['c', 0.5],
  ] as const)
    t.true(Math.abs(first.filter((chosen) => chosen === name).length / visitors.length - share) < 0.03, name);
});

test("moves a lost target's own visitors only, to all the others, and back when it returns", (t) => {
  const upstream = upstreamConfig.parse({
    targets: ['http://a', 'http://b', 'http://c', 'http://d'],
    balance: 'sticky',
  });
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  const before = visitors.map((key) => nameOf(choose(members, key, 0)));
  const without = visitors.map((key) => nameOf(choose(members.slice(1), key, 0)));
  for (const [index, name] of before.entries()) if (name !== 'a') t.is(without[index], name);
  const moved = without.filter((_, index) => before[index] === 'a');
  for (const name of ['b', 'c', 'd']) t.true(moved.filter((to) => to === name).length > moved.length / 5, name);
  t.deepEqual(
    visitors.map((key) => nameOf(choose(members, key, 0))),
    before,
  );
});

test('lets a visitor wait for a full target of theirs', (t) => {
  const upstream = upstreamConfig.parse({ targets: ['http://a', 'http://b'], balance: 'sticky', maxConnections: 1 });
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  const own = choose(members, 7, 0)!;
  own.state.active = 1;
  t.is(choose(members, 7, 0), null);
});

test('gives a target that came back its share little by little', (t) => {
  const upstream = upstreamConfig.parse({ targets: ['http://a', 'http://b'], slowStart: '10s' });
  const choose = createChoice(upstream);
  const members = membersOf(upstream);
  members[0]!.state.recoveredAtMs = 100_000;
  const shareAt = (nowMs: number): number =>
    Array.from({ length: 220 }, () => nameOf(choose(members, 0, nowMs))).filter((name) => name === 'a').length / 220;
  t.true(Math.abs(shareAt(100_000) - 1 / 11) < 0.02);
  t.true(Math.abs(shareAt(105_000) - 1 / 3) < 0.02);
  t.true(Math.abs(shareAt(110_000) - 1 / 2) < 0.02);
});
