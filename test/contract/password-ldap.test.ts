import test, { type ExecutionContext } from 'ava';
import { Attribute, Change } from 'ldapts';
import { ldapConfig } from '../../src/sign-in/methods/ldap/config.ts';
import { escapeDnValue } from '../../src/sign-in/methods/ldap/dn.ts';
import { openLdap } from '../../src/sign-in/methods/ldap/open.ts';
import { createThrottle } from '../../src/sign-in/throttle.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { hasSlapd, service, startSlapd, suffix } from '../support/slapd.ts';
import { contractPeople, passwordContract, type PasswordWorld } from './password-contract.ts';
import { createStoreWorld } from './stores.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const dnOf = (user: string): string => `uid=${escapeDnValue(user)},ou=contract,${suffix}`;

const ldif = [
  `dn: ou=contract,${suffix}\nobjectClass: organizationalUnit\nou: contract\n`,
  ...contractPeople.map(
    ({ user, name, email, password }) =>
      `dn:: ${base64(dnOf(user))}\nobjectClass: inetOrgPerson\nobjectClass: shadowAccount\nuid:: ${base64(user)}\nsn: x\n` +
      `cn:: ${base64(name)}\nmail: ${email}\nuserPassword:: ${base64(password)}\nshadowLastChange: 1\n` +
      (user === 'shut' ? 'shadowExpire: 1\n' : ''),
  ),
  ...['readers', 'users'].map((group) => {
    const members = contractPeople.filter(({ groups }) => groups.includes(group));
    const lines = members.map(({ user }) => `member:: ${base64(dnOf(user))}\n`).join('');
    return `dn: cn=${group},ou=groups,${suffix}\nobjectClass: groupOfNames\ncn: ${group}\n${lines}`;
  }),
].join('\n');

const openWith =
  (ways: Readonly<Record<string, unknown>>) =>
  async (t: ExecutionContext): Promise<PasswordWorld> => {
    const slapd = await startSlapd({ ldif });
    t.teardown(slapd.stop);
    const world = await createStoreWorld('memory');
    t.teardown(world.end);
    const runtime = createTestRuntime();
    const { counters } = await world.open();
    const throttle = createThrottle({
      counters,
      config: { failures: 1_000, withinMs: 60_000, lockForMs: 60_000 },
      runtime,
    });
    const config = ldapConfig.parse({
      url: slapd.url,
      ...service,
      groups: { base: `ou=groups,${suffix}` },
      ...ways,
    });
    const { method, close } = openLdap(config, throttle, runtime);
    t.teardown(close);
    const replace = (type: string, value: string): Change =>
      new Change({ operation: 'replace', modification: new Attribute({ type, values: [value] }) });
    return {
      method,
      id: 'ldap',
      issuer: 'ldap:ldap',
      lines: () => runtime.lines,
      disable: (user) => slapd.edit((client) => client.modify(dnOf(user), replace('shadowExpire', '1'))),
      setPassword: (user, password) =>
        slapd.edit((client) =>
          client.modify(dnOf(user), [replace('userPassword', password), replace('shadowLastChange', '2')]),
        ),
    };
  };

if (hasSlapd) {
  passwordContract(test, 'ldap by search', openWith({ userBase: `ou=contract,${suffix}` }));
  passwordContract(test, 'ldap by direct bind', openWith({ userDn: `uid={user},ou=contract,${suffix}` }));
} else test.skip('needs slapd on the PATH', () => undefined);
