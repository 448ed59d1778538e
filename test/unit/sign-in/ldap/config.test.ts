import test from 'ava';
import { stringify } from 'yaml';
import { makeFile } from '../../../support/temporary.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { redactConfig } from '../../../../src/config/redact.ts';
import { loginOf, bindName } from '../../../../src/sign-in/methods/ldap/login-name.ts';
import { settleLdap, type LdapSettings } from '../../../../src/sign-in/methods/ldap/settings.ts';
import { ldapConfig } from '../../../../src/sign-in/methods/ldap/config.ts';

const base = {
  url: 'ldaps://ldap.example.com',
  bindDn: 'cn=reader,dc=example,dc=com',
  bindPassword: 'secret words',
  userBase: 'ou=people,dc=example,dc=com',
};

function load(ldap: Record<string, unknown>) {
  const text = stringify({ signIn: { ldap }, routes: [{ upstream: 'http://127.0.0.1:3000' }] });
  return loadConfig({ file: '/etc/sallyport/sallyport.yaml', env: {}, text });
}

function faultsOf(ldap: Record<string, unknown>): readonly string[] {
  const result = load(ldap);
  return result.kind === 'ok' ? [] : result.faults.map(({ path, message }) => `${path} ${message}`);
}

function warningsOf(ldap: Record<string, unknown>): readonly string[] {
  const result = load(ldap);
  return result.kind === 'ok' ? result.warnings.map(({ path }) => path) : ['faulty'];
}

test('four lines are enough', (t) => {
  t.deepEqual(faultsOf(base), []);
  const result = load(base);
  if (result.kind !== 'ok') return t.fail();
  t.is(result.config.signIn.local, null, 'no users file beside it unless asked for');
  t.is(result.config.signIn.ldap?.refresh, 300_000);
  t.false(JSON.stringify(redactConfig(result.config)).includes('secret words'));
});

test('says what is wrong and what to write instead', (t) => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [
      { ...base, url: 'ldap://ldap.example.com' },
      /signIn\.ldap\.url .*in the clear; write ldaps:\/\/, or startTls: true/,
    ],
    [{ ...base, url: [base.url, 'ldap://b.example.com'] }, /ldap:\/\/b\.example\.com, which would carry/],
    [{ ...base, url: 'https://ldap.example.com' }, /url .*write ldaps:\/\/HOST/],
    [{ ...base, url: 'ldaps://ldap.example.com/dc=x' }, /url .*nothing behind it/],
    [{ ...base, startTls: true }, /startTls does not go with ldaps/],
    [{ ...base, bindPassword: undefined }, /bindDn needs bindPassword/],
    [{ ...base, bindPassword: '' }, /bindPassword/],
    [{ ...base, bindDn: undefined }, /bindPassword needs bindDn/],
    [{ ...base, userBase: undefined }, /userBase is missing; write where people are/],
    [{ ...base, userBase: 'people' }, /userBase is not a DN/],
    [{ ...base, userFilter: '(uid=alice)' }, /userFilter names nobody; put \{user\} into it/],
    [{ ...base, userFilter: '(uid={name})' }, /userFilter is not a filter: has \{name\}/],
    [{ ...base, userDn: 'alice' }, /userDn names nobody/],
    [{ ...base, userDn: '{user}' }, /userDn is neither a DN/],
    [{ ...base, groups: { from: 'search' } }, /groups\.base is missing/],
    [{ ...base, groups: { from: 'nested' } }, /groups\.base is missing/],
    [
      { ...base, groups: { from: 'memberOf', base: 'dc=x', filter: '(member={dn})' } },
      /groups\.filter is for groups\.from: search/,
    ],
    [{ ...base, id: 'local' }, /id is the id of another way in/],
    [{ ...base, refresh: '1s' }, /refresh is not between 10s and 1d/],
    [{ ...base, tls: { ca: './no-such.pem' } }, /tls\.ca names \/etc\/sallyport\/no-such\.pem, which can't be read/],
    [{ ...base, attribute: {} }, /attribute is not a known key; did you mean attributes/],
    [{ bindDn: base.bindDn }, /url is missing/],
  ];
  for (const [ldap, message] of cases) t.regex(faultsOf(ldap).join('\n'), message);
});

test('the authority’s file is watched with the configuration', async (t) => {
  const ca = await makeFile(t, 'ca.pem', 'PEM');
  const result = load({ ...base, tls: { ca } });
  t.true(result.kind === 'ok' && result.files.includes(ca));
});

test('the loopback needs no TLS, and a direct bind no base', (t) => {
  for (const url of ['ldap://127.0.0.1', 'ldap://localhost:1389', 'ldap://[::1]'])
    t.deepEqual(faultsOf({ ...base, url }), []);
  t.deepEqual(faultsOf({ url: base.url, userDn: 'uid={user},ou=people,dc=example,dc=com' }), []);
  t.regex(faultsOf({ url: base.url, userDn: '{user}@example.com' }).join(), /userBase is missing/);
});

test('what is unsafe is told at start', (t) => {
  const own = (ldap: Record<string, unknown>) => warningsOf(ldap).filter((path) => path.startsWith('signIn.ldap'));
  t.deepEqual(own(base), []);
  t.deepEqual(own({ ...base, url: 'ldap://ldap.example.com', insecureNoTls: true }), ['signIn.ldap.insecureNoTls']);
  t.deepEqual(own({ ...base, tls: { insecureSkipTlsVerify: true } }), ['signIn.ldap.tls.insecureSkipTlsVerify']);
  t.deepEqual(own({ url: base.url, userDn: 'uid={user},dc=x' }), ['signIn.ldap.userDn']);
});

const settle = (more: Record<string, unknown>): LdapSettings => settleLdap(ldapConfig.parse({ ...base, ...more }));

test('presets fit their directories', (t) => {
  const plain = settle({});
  t.is(plain.userFilter?.({ user: 'a' }).toString(), '(uid=a)');
  t.deepEqual(plain.attributes, { user: 'uid', name: 'cn', email: 'mail', id: 'entryUUID' });
  t.is(plain.groups.from, 'memberOf');
  const searching = settle({ groups: { base: 'ou=groups,dc=x' } }).groups;
  t.is(
    searching.from === 'search' && searching.filter({ user: 'a', dn: 'uid=a' }).toString(),
    '(|(member=uid=a)(uniqueMember=uid=a)(memberUid=a))',
  );
  const windows = settle({
    preset: 'activeDirectory',
    groups: { from: 'nested', base: 'dc=x' },
    attributes: { user: 'cn' },
  });
  t.deepEqual(windows.attributes, { user: 'cn', name: 'displayName', email: 'mail', id: 'objectGUID' });
  t.regex(windows.userFilter?.({ user: 'a' }).toString() ?? '', /\(\|\(sAMAccountName=a\)\(userPrincipalName=a\)\)/);
  t.is(
    windows.groups.from === 'search' && windows.groups.filter({ dn: 'cn=a' }).toString(),
    '(member:1.2.840.113556.1.4.1941:=cn=a)',
  );
});

test('names lose what their directory adds, and other spellings of one are no names', (t) => {
  const windows = settle({ preset: 'activeDirectory' });
  const direct = settle({ preset: 'activeDirectory', userDn: '{user}@Ad.Example.com' });
  const plain = settle({});
  t.is(loginOf('example\\alice', windows), 'alice');
  t.is(loginOf('alice@ad.example.com', windows), 'alice@ad.example.com');
  t.is(loginOf('alice@ad.example.com', direct), 'alice');
  t.is(loginOf('example\\alice', plain), 'example\\alice');
  for (const name of ['a  b', 'ali\u00adce', 'ali\ufe0fce', 'ali\u034fce']) t.is(loginOf(name, plain), null);
  t.is(loginOf('x\\', windows), null);
  t.is(loginOf('a b', plain), 'a b');
  t.is(bindName('uid={user},dc=x', 'a,b$&'), 'uid=a\\,b$&,dc=x');
  t.is(bindName('{user}@x.com', 'a'), 'a@x.com');
});
