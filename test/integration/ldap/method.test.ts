import test, { type ExecutionContext } from 'ava';
import { hasCode } from '../../../src/errors.ts';
import type { Session } from '../../../src/session/session.ts';
import { ldapConfig } from '../../../src/sign-in/methods/ldap/config.ts';
import { openLdap } from '../../../src/sign-in/methods/ldap/open.ts';
import type { GuessOutcome, Throttle } from '../../../src/sign-in/throttle.ts';
import { startLdapStub, type StubRequest } from '../../support/ldap-stub.ts';
import { bindResponse, searchDone, searchEntry } from '../../support/ldap-wire.ts';
import { createTestRuntime } from '../../support/runtime.ts';

// What no real directory can be made to do.

type Attributes = Readonly<Record<string, readonly string[]>>;

interface Told {
  /** Entries by what the search's bytes hold. */
  readonly entries?: readonly (readonly [string, string, Attributes])[];
  readonly searchCode?: number;
  /** Code of a bind whose bytes hold this; others succeed. */
  readonly binds?: readonly (readonly [string, number])[];
}

async function directory(t: ExecutionContext, told: Told, more: Record<string, unknown> = {}) {
  const answer = (request: StubRequest): Buffer => {
    if (request.operation !== 0x63) {
      const code = told.binds?.find(([text]) => request.bytes.includes(text))?.[1] ?? 0;
      return bindResponse(request.id, code);
    }
    const found = (told.entries ?? []).filter(([text]) => request.bytes.includes(text));
    return Buffer.concat([
      ...found.map(([, dn, attributes]) => searchEntry(request.id, dn, attributes)),
      searchDone(request.id, told.searchCode ?? 0),
    ]);
  };
  const stub = await startLdapStub((request, socket) => void socket.write(answer(request)));
  t.teardown(stub.stop);
  const settled: [string | null, GuessOutcome][] = [];
  const throttle: Throttle = {
    reserve: async ({ user }) => ({ kind: 'reserved', settle: async (outcome) => void settled.push([user, outcome]) }),
  };
  const runtime = createTestRuntime();
  const config = ldapConfig.parse({
    url: stub.url,
    bindDn: 'cn=reader,dc=x',
    bindPassword: 'reader secret',
    userBase: 'ou=people,dc=x',
    groups: { from: 'none' },
    ...more,
  });
  const opened = openLdap(config, throttle, runtime);
  t.teardown(opened.close);
  const passwordsSent = (password: string): number =>
    stub.requests.filter(({ operation, bytes }) => operation === 0x60 && bytes.includes(password)).length;
  return { ...opened, runtime, settled, passwordsSent };
}

const alice = ['alice', 'uid=alice,ou=people,dc=x', { uid: ['Alice'], entryUUID: ['1'] }] as const;
const outcomeOf = async (verdict: Promise<{ readonly kind: string; readonly reason?: string }>) => {
  const { kind, reason } = await verdict;
  return reason ?? kind;
};

test('an entry without a name, without a user name, or cut off by a limit is nobody', async (t) => {
  for (const [told, outcome] of [
    [{ entries: [['alice', '', { uid: ['alice'] }]] }, 'unknown-user'],
    [{ entries: [['alice', 'cn=x,dc=x', { cn: ['x'] }]] }, 'unknown-user'],
    [{ entries: [['alice', 'cn=x,dc=x', { uid: ['ali\u0007ce'] }]] }, 'unknown-user'],
    [{ entries: [alice], searchCode: 4 }, 'ambiguous-user'],
    [{ entries: [alice, alice] }, 'ambiguous-user'],
  ] as const) {
    const { method, passwordsSent } = await directory(t, told);
    t.is(await outcomeOf(method.verify('alice', 'alice secret')), outcome);
    t.is(passwordsSent('alice secret'), 0, 'the password is sent for one certain entry only');
  }
});

test('a base that is not there refuses to judge rather than to know nobody', async (t) => {
  const { method } = await directory(t, { searchCode: 32 });
  await t.throwsAsync(method.verify('alice', 'alice secret'), { code: 'directory-refused', message: /ou=people,dc=x/ });
});

test('results that say nothing about the password are no verdict, and the password is sent once', async (t) => {
  for (const code of [1, 2, 8, 10, 13, 51, 52, 80]) {
    const { method, settled, passwordsSent } = await directory(t, {
      entries: [['alice', 'uid=alice,ou=people,dc=x', { uid: ['other'] }]],
      binds: [['alice secret', code]],
    });
    const error = await t.throwsAsync(method.verify('alice', 'alice secret'));
    t.true(hasCode(error, 'directory-refused') || hasCode(error, 'directory-unavailable'), String(code));
    t.deepEqual(settled, [['other', 'abandoned']], 'nothing is counted');
    t.is(passwordsSent('alice secret'), 1);
  }
});

test('a directory that judges no password says the same of a name that nobody has', async (t) => {
  const { method } = await directory(t, { binds: [['cn=nobody-', 8]] });
  await t.throwsAsync(method.verify('stranger', 'x'), { code: 'directory-refused' });
});

test('a try counts for the account that the name means', async (t) => {
  const told = { entries: [alice], binds: [['wrong', 49]] } as const;
  const { method, settled } = await directory(t, told, { userPrefix: 'corp-' });
  t.is(await outcomeOf(method.verify('alice', 'wrong')), 'wrong-password');
  t.is(await outcomeOf(method.verify('alice', 'right')), 'verified');
  t.deepEqual(settled, [
    ['corp-alice', 'wrong'],
    ['corp-alice', 'right'],
  ]);
});

test('of several user names the one in the DN counts, whatever order they come in', async (t) => {
  for (const uid of [
    ['zed', 'alice'],
    ['alice', 'zed'],
  ]) {
    const { method } = await directory(t, { entries: [['zed', 'uid=zed,ou=people,dc=x', { uid }]] });
    const verdict = await method.verify('zed', 'x');
    t.is(verdict.kind === 'verified' && verdict.identity.user, 'zed');
  }
});

test('what no header can hold does not become a part of an identity', async (t) => {
  const entry = {
    uid: ['alice'],
    cn: ['a\r\nRemote-User: admin'],
    mail: ['a\u0000b'],
    memberOf: ['cn=a\\2Cadmins,dc=x', 'cn=ok,dc=x', 'cn=b\\0Ac,dc=x', 'cn=ok,ou=evil,dc=x', 'nonsense'],
  };
  const { method } = await directory(
    t,
    { entries: [['alice', 'uid=alice,dc=x', entry]] },
    { groups: { from: 'memberOf' } },
  );
  const verdict = await method.verify('alice', 'x');
  if (verdict.kind !== 'verified') return t.fail();
  const { name, email, groups, subject } = verdict.identity;
  t.deepEqual({ name, email, groups, subject }, { name: '', email: '', groups: ['ok'], subject: 'dn:uid=alice,dc=x' });
});

test('only groups below the base count, and too many to see them all are refused', async (t) => {
  const entry = (memberOf: string[], name = 'memberOf') => ({ uid: ['alice'], [name]: memberOf });
  const below = { groups: { from: 'memberOf', base: 'ou=groups,dc=x' } };
  const groupsOf = async (attributes: Attributes, more: Record<string, unknown>) => {
    const { method } = await directory(t, { entries: [['alice', 'uid=alice,dc=x', attributes]] }, more);
    const verdict = await method.verify('alice', 'x');
    return verdict.kind === 'verified' ? verdict.identity.groups : verdict.kind === 'refused' && verdict.reason;
  };
  t.deepEqual(await groupsOf(entry(['CN=a,OU=Groups,DC=x', 'cn=admins,ou=people,dc=x']), below), ['a']);
  const many = Array.from({ length: 1_001 }, (_, index) => `cn=g${index},dc=x`);
  t.is(await groupsOf(entry(many), { groups: {} }), 'too-many-groups');
  t.is(await groupsOf(entry(['cn=a,dc=x'], 'memberOf;range=0-1499'), { groups: {} }), 'too-many-groups');
});

test('a direct bind at Active Directory counts for the entry that is really bound', async (t) => {
  const way = {
    preset: 'activeDirectory',
    bindDn: undefined,
    bindPassword: undefined,
    userDn: '{user}@x.test',
    attributes: { id: 'entryUUID' },
  };
  const person = (sid: string) =>
    ['ou=people,dc=x', 'CN=alice,DC=x', { sAMAccountName: ['alice'], objectSid: [sid] }] as const;
  const own = ['CN=alice', 'CN=alice,DC=x', { sAMAccountName: ['alice'] }] as const;
  const root = (sid: string) => ['tokenGroups', '', { tokenGroups: [sid, 'everyone'] }] as const;
  for (const [entries, outcome] of [
    [[person('S-alice'), root('S-alice'), own], 'verified'],
    // The name is alice's account name and mallory's principal name: mallory's password was right.
    [[person('S-alice'), root('S-mallory'), own], 'unknown-user'],
    [[person('S-alice'), own], 'unknown-user'],
  ] as const) {
    const { method } = await directory(t, { entries }, way);
    t.is(await outcomeOf(method.verify('alice', 'x')), outcome);
  }
});

test('a session whose notes are not ours, or whose directory is silent, is not renewed', async (t) => {
  const { renewer } = await directory(t, { entries: [alice] });
  const session = { identity: { subject: '1' }, credential: '' } as unknown as Session;
  const provider = { id: 'ldap', checkAtMs: 0, failingSinceMs: null, accessToken: null };
  t.deepEqual(await renewer?.(session, { ...provider, data: '{"dn":1}' }), {
    kind: 'ended',
    reason: 'unreadable-notes',
  });
  const away = await directory(t, { searchCode: 52 });
  await t.throwsAsync(async () => away.renewer?.(session, { ...provider, data: '{"dn":"a","login":"alice"}' }), {
    code: 'directory-unavailable',
  });
});
