import test, { type ExecutionContext } from 'ava';
import { Attribute, Change } from 'ldapts';
import { neverChecked, type Session } from '../../../src/session/session.ts';
import { ldapConfig } from '../../../src/sign-in/methods/ldap/config.ts';
import { openLdap } from '../../../src/sign-in/methods/ldap/open.ts';
import type { Throttle } from '../../../src/sign-in/throttle.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import {
  administrator,
  domainDn,
  hasSamba,
  realm,
  startSamba,
  unicodePassword,
  type Samba,
} from '../../support/samba.ts';

// Against a real domain; a controller takes seconds to make, so all tests share one.
const whenSamba = hasSamba ? test.serial : test.serial.skip;

let samba: Samba;

const dnOf = (name: string): string => `CN=${name},CN=Users,${domainDn}`;
const passwordOf = (name: string): string => `${name}-Pass-word-1`;

if (hasSamba) {
  test.before(async () => {
    samba = await startSamba();
    await samba.edit(async (client) => {
      const add = (name: string, more: Record<string, string> = {}, cn = name) =>
        client.add(`CN=${cn},CN=Users,${domainDn}`, [
          new Attribute({ type: 'objectClass', values: ['user'] }),
          new Attribute({ type: 'sAMAccountName', values: [name] }),
          new Attribute({ type: 'unicodePwd', values: [unicodePassword(passwordOf(name))] }),
          ...Object.entries({ userAccountControl: '512', userPrincipalName: `${name}@${realm}`, ...more }).map(
            ([type, value]) => new Attribute({ type, values: [value] }),
          ),
        ]);
      await add('alice', { displayName: 'Alice Archer', mail: 'alice@example.test' });
      await add('odd', { displayName: "O'Brien, Bob (ops)*" }, "O'Brien\\, Bob (ops)*");
      await add('shut', { userAccountControl: '514' });
      await add('past', { accountExpires: '125911584000000000' });
      await add('fresh', { pwdLastSet: '0' });
      await add('leaver');
      const addGroup = (name: string, member: string) =>
        client.add(dnOf(name), { objectClass: ['group'], sAMAccountName: name, member: [member] });
      await addGroup('inner', dnOf('alice'));
      await addGroup('outer', dnOf('inner'));
      await addGroup('ops', `CN=O'Brien\\, Bob (ops)*,CN=Users,${domainDn}`);
    });
  });
  test.after.always(async () => samba?.stop());
} else test('needs samba and samba-tool on the PATH, and root', (t) => t.pass());

const throttle: Throttle = {
  reserve: async () => ({ kind: 'reserved', settle: async () => undefined }),
};

function directory(t: ExecutionContext, more: Record<string, unknown> = {}) {
  const runtime = createTestRuntime(Date.now());
  const config = ldapConfig.parse({
    preset: 'activeDirectory',
    url: `ldaps://${samba.address}`,
    tls: { ca: samba.ca },
    ...administrator,
    userBase: `CN=Users,${domainDn}`,
    ...more,
  });
  const opened = openLdap(config, throttle, runtime);
  t.teardown(opened.close);
  return { ...opened, runtime };
}

whenSamba('alice is alice by every name that a domain knows her by', async (t) => {
  const { method } = directory(t);
  const subjects = new Set<string>();
  for (const name of ['alice', `alice@${realm}`, 'example\\alice']) {
    const verdict = await method.verify(name, passwordOf('alice'));
    if (verdict.kind !== 'verified') return t.fail(`${name}: ${JSON.stringify(verdict)}`);
    const { subject, ...identity } = verdict.identity;
    subjects.add(subject);
    t.deepEqual(identity, {
      user: 'alice',
      name: 'Alice Archer',
      email: 'alice@example.test',
      groups: ['inner'],
      claims: {},
      method: 'ldap',
      issuer: 'ldap:ldap',
    });
    t.is((await method.verify(name, 'wrong')).kind, 'refused');
  }
  t.is(subjects.size, 1);
  t.regex([...subjects].join(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

whenSamba('groups in groups are found where asked for, also of a person with an odd name', async (t) => {
  const { method } = directory(t, { groups: { from: 'nested', base: domainDn } });
  const alice = await method.verify('alice', passwordOf('alice'));
  t.deepEqual(alice.kind === 'verified' && alice.identity.groups, ['inner', 'outer']);
  const odd = await method.verify('odd', passwordOf('odd'));
  t.deepEqual(odd.kind === 'verified' && odd.identity.groups, ['ops']);
  t.is(odd.kind === 'verified' && odd.identity.name, "O'Brien, Bob (ops)*");
});

whenSamba('disabled, expired and unfinished accounts are refused, and the log can say why', async (t) => {
  const { method } = directory(t);
  for (const [name, reason] of [
    ['shut', 'user-disabled'],
    ['past', 'user-expired'],
    ['fresh', 'password-expired'],
    ['nobody', 'unknown-user'],
    ['*', 'unknown-user'],
  ] as const)
    t.deepEqual(await method.verify(name, passwordOf(name)), { kind: 'refused', reason, method: 'ldap' }, name);
  t.is((await method.verify('alice', '')).kind, 'refused');
});

whenSamba('StartTLS works, and a bind in the clear is refused as no word about the password', async (t) => {
  const upgraded = directory(t, { url: `ldap://${samba.address}`, startTls: true });
  t.is((await upgraded.method.verify('alice', passwordOf('alice'))).kind, 'verified');
  const clear = directory(t, { url: `ldap://${samba.address}` });
  await t.throwsAsync(clear.method.verify('alice', passwordOf('alice')), {
    code: 'directory-refused',
    message: /code 8/,
  });
});

whenSamba('a direct bind needs no searching account', async (t) => {
  const { method, renewer } = directory(t, { bindDn: undefined, bindPassword: undefined, userDn: `{user}@${realm}` });
  for (const name of ['alice', `alice@${realm}`, 'example\\alice']) {
    const verdict = await method.verify(name, passwordOf('alice'));
    t.is(verdict.kind === 'verified' && verdict.identity.user, 'alice', name);
  }
  t.is((await method.verify('alice', 'wrong')).kind, 'refused');
  t.is(renewer, null);
  const narrow = directory(t, {
    bindDn: undefined,
    bindPassword: undefined,
    userDn: `{user}@${realm}`,
    userFilter: '(sAMAccountName={user})',
  });
  t.is((await narrow.method.verify('alice', passwordOf('alice'))).kind, 'verified');
});

whenSamba('a session follows the domain', async (t) => {
  const { method, renewer, runtime } = directory(t, { groups: { from: 'nested', base: domainDn } });
  const verdict = await method.verify('leaver', passwordOf('leaver'));
  if (verdict.kind !== 'verified' || verdict.provider === undefined || renewer === null) return t.fail();
  const { provider } = verdict;
  t.is(provider.checkAtMs, runtime.now() + 5 * 60_000);
  const session = { identity: verdict.identity, credential: verdict.credential, provider } as unknown as Session;
  const renew = () => renewer(session, provider);
  const change = (type: string, values: string[], dn = dnOf('leaver')) =>
    samba.edit((client) =>
      client.modify(dn, new Change({ operation: 'replace', modification: new Attribute({ type, values }) })),
    );
  t.is((await renew()).kind, 'changed');
  await change('member', [dnOf('leaver')], dnOf('inner'));
  const joined = await renew();
  t.deepEqual(joined.kind === 'changed' && joined.identity.groups, ['inner', 'outer']);
  // Renamed and moved, but the same person.
  await samba.edit((client) => client.modifyDN(dnOf('leaver'), 'CN=Gone West'));
  t.is((await renew()).kind, 'changed');
  await change('userAccountControl', ['514'], dnOf('Gone West'));
  t.deepEqual(await renew(), { kind: 'ended', reason: 'user-disabled' });
  await change('userAccountControl', ['512'], dnOf('Gone West'));
  await samba.edit((client) =>
    client.modify(
      dnOf('Gone West'),
      new Change({
        operation: 'replace',
        modification: new Attribute({ type: 'unicodePwd', values: [unicodePassword('Other-Pass-word-2')] }),
      }),
    ),
  );
  t.deepEqual(await renew(), { kind: 'ended', reason: 'credential-changed' });
  await samba.edit((client) => client.del(dnOf('Gone West')));
  t.deepEqual(await renew(), { kind: 'ended', reason: 'entry-gone' });
  t.true(provider.checkAtMs < neverChecked);
});
