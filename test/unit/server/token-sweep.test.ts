import test from 'ava';
import type { ListedToken, TokenOwner } from '../../../src/access-token/access-token.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import { sweepTokenOwners } from '../../../src/server/token-sweep.ts';
import { eventually } from '../../support/programs.ts';
import { createTestRuntime } from '../../support/runtime.ts';

const owner = (subject: string, issuer = 'ldap:ldap'): TokenOwner => ({ user: subject, issuer, subject });

function setUp(isOurTurn: () => boolean) {
  const runtime = createTestRuntime();
  const listed = [
    ['1', owner('stays')],
    ['2', owner('gone')],
    ['3', owner('gone')],
    ['4', owner('unknown')],
    ['5', owner('gone', 'https://id.example.com')],
    ['6', owner('gone', 'local')],
  ] as const;
  const ended: string[] = [];
  const seen: string[] = [];
  const asked: string[] = [];
  const stop = sweepTokenOwners({
    askers: [
      {
        issuer: 'ldap:ldap',
        everyMs: 10,
        ask: async ({ subject }) => {
          asked.push(subject);
          if (subject === 'unknown') throw new Error('no server answers');
          return subject === 'gone' ? null : ({ user: subject, groups: ['new'] } as unknown as Identity);
        },
      },
    ],
    tokens: {
      listAll: async function* () {
        for (const [id, who] of listed) yield { token: { id, owner: who }, lastUse: null } as unknown as ListedToken;
      },
      end: async (id) => {
        ended.push(id);
        return null;
      },
      ownerSeen: async ({ user }) => void seen.push(user),
    },
    store: { add: async () => isOurTurn() },
    log: runtime.log,
  });
  return { ended, seen, asked, stop, runtime };
}

test('tokens of who is gone end, others learn what their owner is now, and who can not be asked about keeps theirs', async (t) => {
  let turns = 1;
  const { ended, seen, asked, stop, runtime } = setUp(() => turns-- > 0);
  t.teardown(stop);
  await eventually('all were asked about', () => asked.length >= 3 && ended.length >= 2);
  t.deepEqual(ended, ['2', '3']);
  t.deepEqual(seen, ['stays']);
  t.deepEqual(asked, ['stays', 'gone', 'unknown'], 'each once');
  t.true(runtime.lines.some(({ event }) => event === 'access-token.owner-failed'));
});

test('nobody is asked about while another process does it', async (t) => {
  let looks = 0;
  const { asked, stop } = setUp(() => {
    looks += 1;
    return false;
  });
  t.teardown(stop);
  await eventually('it looked twice', () => looks >= 2);
  t.deepEqual(asked, []);
});
