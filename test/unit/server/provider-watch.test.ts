import test from 'ava';
import type { Decision } from '../../../src/gate.ts';
import type { RequestFacts } from '../../../src/request/facts.ts';
import { watchProviders } from '../../../src/server/provider-watch.ts';
import { createLiveTraffic } from '../../../src/server/live-traffic.ts';
import type { Session } from '../../../src/session/session.ts';
import { eventually } from '../../support/programs.ts';
import { createTestRuntime } from '../../support/runtime.ts';

test('streams of people who lost a group are closed, others go on, and nobody is asked about before it is time', async (t) => {
  const runtime = createTestRuntime();
  const traffic = createLiveTraffic(runtime);
  const sessionOf = (name: string, groups: string[], checkAtMs: number) =>
    ({ identity: { user: name, groups }, provider: { checkAtMs } }) as unknown as Session;
  const sessions = new Map([
    ['loses', sessionOf('loses', ['ops'], runtime.now())],
    ['keeps', sessionOf('keeps', ['ops'], runtime.now())],
    ['later', sessionOf('later', ['ops'], runtime.now() + 60_000)],
  ]);
  const asked: string[] = [];
  const closed: string[] = [];
  for (const name of [...sessions.keys(), 'stranger'])
    traffic.add({
      facts: { id: name, sessionTokens: [name], receivedAtMs: 0 } as unknown as RequestFacts,
      isTunnel: true,
      close: () => closed.push(name),
    });
  const stop = watchProviders({
    traffic,
    sessions: { find: (token) => sessions.get(token) ?? null },
    renewal: {
      renew: async (session) => {
        const { user } = session.identity;
        asked.push(user);
        const renewed = sessionOf(user, user === 'loses' ? [] : ['ops'], runtime.now() + 60_000);
        sessions.set(user, renewed);
        return { kind: 'live', session: renewed };
      },
    },
    gate: ({ sessionTokens: [token = ''] }) => {
      const isAllowed = sessions.get(token)?.identity.groups.includes('ops') === true;
      return { kind: isAllowed ? 'forward' : 'deny', reason: 'denied' } as Decision;
    },
    runtime,
    everyMs: 5,
  });
  t.teardown(stop);
  await eventually('the stream is closed', () => closed.length > 0);
  t.deepEqual(closed, ['loses']);
  t.deepEqual(asked.toSorted(), ['keeps', 'loses']);
  runtime.advance(61_000);
  await eventually('it is time for all', () => asked.includes('later'));
});
