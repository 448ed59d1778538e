import test from 'ava';
import fc from 'fast-check';
import { identityHeadersConfig } from '../../../src/identity/config.ts';
import { compileBasicAuth, compileHeaderSet } from '../../../src/identity/header-sets.ts';
import type { Identity } from '../../../src/identity/identity.ts';

const alice: Identity = {
  user: 'alice',
  name: 'Alice Example',
  email: 'alice@example.com',
  groups: ['users', 'editors'],
  claims: { team: ['red', 'blue'] },
  method: 'local',
  issuer: 'local',
  subject: 'alice',
};

test('writes the set `remote`', (t) => {
  t.deepEqual(compileHeaderSet('remote').write(alice), [
    'Remote-User',
    'alice',
    'Remote-Name',
    'Alice Example',
    'Remote-Email',
    'alice@example.com',
    'Remote-Groups',
    'users,editors',
  ]);
});

test('writes several sets one after the other, and none for `off`', (t) => {
  const names = compileHeaderSet(['forwarded', 'off', 'auth-request', 'forwarded']).names;
  t.deepEqual(names.slice(0, 4), [
    'X-Forwarded-User',
    'X-Forwarded-Email',
    'X-Forwarded-Groups',
    'X-Forwarded-Preferred-Username',
  ]);
  t.is(names.length, 8);
  t.deepEqual(compileHeaderSet('off').write(alice), []);
});

test('fills the templates of a map', (t) => {
  const set = compileHeaderSet({
    'X-Who': '{name} <{email}>',
    'X-Team': '{claims.team}',
    'X-None': '{claims.toString}',
    'X-Fixed': 'yes {{really}}',
    'X-Method': '{method}:{groups}',
  });
  t.deepEqual(set.write(alice), [
    'X-Who',
    'Alice Example <alice@example.com>',
    'X-Team',
    'red,blue',
    'X-Fixed',
    'yes {really}',
    'X-Method',
    'local:users,editors',
  ]);
});

test('leaves unknown values out, or writes them empty for a proxy that must overwrite', (t) => {
  const set = compileHeaderSet('remote');
  const nobody = { ...alice, name: '', email: '', groups: [] };
  t.deepEqual(set.write(nobody), ['Remote-User', 'alice']);
  const whole = ['Remote-User', 'alice', 'Remote-Name', '', 'Remote-Email', '', 'Remote-Groups', ''];
  t.deepEqual(set.writeAll(nobody), whole);
  t.deepEqual(set.writeAll(null), ['Remote-User', '', 'Remote-Name', '', 'Remote-Email', '', 'Remote-Groups', '']);
});

test('makes the values of an identity once', (t) => {
  const set = compileHeaderSet('remote');
  t.is(set.write(alice), set.write(alice));
});

test('sends text outside ASCII as UTF-8 bytes, and control characters as spaces', (t) => {
  const set = compileHeaderSet({ 'X-Name': '{name}' });
  t.deepEqual(set.write({ ...alice, name: 'Zoë 田中 🔑' }), ['X-Name', Buffer.from('Zoë 田中 🔑').toString('latin1')]);
  t.deepEqual(set.write({ ...alice, name: '\ta\r\nRemote-User: admin\0\x7f' }), ['X-Name', 'a  Remote-User: admin']);
});

test('writes no value that could break a line, whatever the identity holds', (t) => {
  const set = compileHeaderSet(['remote', 'forwarded']);
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, fc.array(text), (user, name, groups) => {
      const headers = set.write({ ...alice, user, name, groups });
      for (let index = 1; index < headers.length; index += 2) t.regex(headers[index]!, /^[\x20-\x7e\x80-\xff]+$/);
    }),
  );
});

test('keeps whole groups within 6 KiB and says once what it cut', (t) => {
  const events: string[] = [];
  const log = { debug: () => {}, info: () => {}, error: () => {}, warn: (event: string) => void events.push(event) };
  const set = compileHeaderSet({ 'X-Groups': '{groups}' }, log);
  const many = { ...alice, groups: Array.from({ length: 2_000 }, (_, index) => `group-${index}`) };
  const [, value = ''] = set.write(many);
  set.write(many);
  t.true(value.length <= 6 * 1024 && value.length > 6_000);
  t.true(value.split(',').every((group, index) => group === `group-${index}`));
  t.deepEqual(events, ['identity-groups.cut']);
});

test('never makes two groups of one with a comma', (t) => {
  const set = compileHeaderSet({ 'X-Groups': '{groups}' });
  t.deepEqual(set.write({ ...alice, groups: ['a,admins', 'users'] }), ['X-Groups', 'users']);
});

test('leaves a value of more than 8 KiB out rather than cut a name', (t) => {
  const set = compileHeaderSet({ 'X-Name': '{name}', 'X-User': '{user}' });
  t.deepEqual(set.write({ ...alice, name: 'x'.repeat(10_000) }), ['X-User', 'alice']);
});

test('signs in to the app with Basic, in UTF-8', (t) => {
  const basicAuth = compileBasicAuth({ user: '{user}', password: 'pä{{ss' });
  t.is(basicAuth(alice), `Basic ${Buffer.from('alice:pä{ss').toString('base64')}`);
  t.is(basicAuth({ ...alice, user: 'a:b' }), '');
});

test('refuses unknown templates and names that mean something else', (t) => {
  const accepts = (value: unknown) => identityHeadersConfig.safeParse(value).success;
  t.true(accepts({ 'X-User': '{user}', 'X-Team': '{claims.https://example.com/team}' }));
  for (const template of ['{users}', '{', '}', '{user', '{claims.}', '{}', '{User}'])
    t.false(accepts({ 'X-User': template }), template);
  for (const name of [
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'Cookie',
    'Authorization',
    'Proxy-Authorization',
    'X-Forwarded-For',
    'Sec-WebSocket-Key',
    'Sallyport-Jwt-Assertion',
    'X_User',
    '',
  ])
    t.false(accepts({ [name]: '{user}' }), name);
  t.false(accepts({ 'X-User': '{user}', 'x-user': '{email}' }));
});
