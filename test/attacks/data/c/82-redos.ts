import { type Attack } from '../../../support/attack.ts';

const long = [
  `/${'a'.repeat(10_000)}`,
  `/${'a-'.repeat(5_000)}!`,
  `/${'a/'.repeat(5_000)}b`,
  `/api/${'x/'.repeat(4_900)}statu`,
  `/api${'/status'.repeat(1_400)}x`,
  `/${'%61'.repeat(3_300)}`,
  `/${';'.repeat(9_000)}`,
  `/a${'//'.repeat(4_000)}b`,
];

export const attack: Attack = {
  id: 'C82',
  slug: 'redos',
  behaviour: 'answers long repetitive paths like any other',
  gateway: 'statusBypass',
  cases: long.map((target) => ({
    name: target.slice(0, 20),
    target,
    expect: { status: [400, 401, 403, 414, 431], upstream: 'nothing' as const },
  })),
};
