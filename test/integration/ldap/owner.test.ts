import test, { type ExecutionContext } from 'ava';
import { Attribute, Change } from 'ldapts';
import { ldapConfig } from '../../../src/sign-in/methods/ldap/config.ts';
import { openLdap } from '../../../src/sign-in/methods/ldap/open.ts';
import type { Throttle } from '../../../src/sign-in/throttle.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { hasSlapd, service, startSlapd, suffix, type Slapd } from '../../support/slapd.ts';

const whenSlapd = hasSlapd ? test : test.skip;
if (!hasSlapd) test('needs slapd and openssl on the PATH', (t) => t.pass());

const throttle: Throttle = {
  reserve: async () => ({ kind: 'reserved', settle: async () => undefined }),
};
const dnOf = (uid: string): string => `uid=${uid},ou=people,${suffix}`;

/** Signs somebody in, and gives back what asks about them later. */
async function ownerOf(t: ExecutionContext, slapd: Slapd, login: string, ways: Record<string, unknown>) {
  const config = ldapConfig.parse({ url: slapd.url, ...service, userBase: `ou=people,${suffix}`, ...ways });
  const { method, owner, close } = openLdap(config, throttle, createTestRuntime(Date.now()));
  t.teardown(close);
  const verdict = await method.verify(login, 'bob secret');
  if (verdict.kind !== 'verified' || owner === null) throw new Error(JSON.stringify(verdict));
  const { user, subject } = verdict.identity;
  return () => owner.ask({ user, issuer: owner.issuer, subject });
}

const ways: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['by user name', 'bob', { userPrefix: 'corp-' }],
  ['by mail', 'bob@example.test', { userFilter: '(mail={user})' }],
  ['by a filter that people may cease to fit', 'bob', { userFilter: '(&(uid={user})(!(title=left)))' }],
  ['by direct bind', 'bob', { userBase: undefined, userDn: `uid={user},ou=people,${suffix}` }],
];

for (const [name, login, more] of ways)
  whenSlapd(`what somebody is now can be asked without their password: found ${name}`, async (t) => {
    const slapd = await startSlapd();
    t.teardown(slapd.stop);
    const ask = await ownerOf(t, slapd, login, more);
    t.deepEqual((await ask())?.groups, []);
    await slapd.edit(async (client) => {
      await client.add(`cn=ops,ou=groups,${suffix}`, {
        objectClass: ['groupOfNames'],
        cn: 'ops',
        member: [dnOf('bob')],
      });
      await client.modify(
        dnOf('bob'),
        new Change({ operation: 'replace', modification: new Attribute({ type: 'userPassword', values: ['new'] }) }),
      );
    });
    t.deepEqual((await ask())?.groups, ['ops'], 'a new password changes nothing');
    const leave =
      name === 'by a filter that people may cease to fit'
        ? new Change({ operation: 'add', modification: new Attribute({ type: 'title', values: ['left'] }) })
        : null;
    await slapd.edit((client) => (leave === null ? client.del(dnOf('bob')) : client.modify(dnOf('bob'), leave)));
    t.is(await ask(), null);
    if (leave === null)
      await slapd.edit((client) =>
        client.add(dnOf('bob'), {
          objectClass: ['inetOrgPerson'],
          uid: 'bob',
          cn: 'b',
          sn: 'b',
          mail: 'bob@example.test',
        }),
      );
    t.is(await ask(), null, 'the next one of the name is another person');
    await slapd.halt();
    await t.throwsAsync(ask(), { code: 'directory-unavailable' });
  });
