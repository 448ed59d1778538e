import { join } from 'node:path';
import { copyFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { Attribute, Change } from 'ldapts';
import { poll, startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { eventually } from '../../support/programs.ts';
import { sendRaw, valueOf, type RawAnswer } from '../../support/raw.ts';
import { signIn, trySignIn } from '../../support/sign-in.ts';
import {
  hasSlapd,
  oddDn,
  person,
  service,
  startSlapd,
  suffix,
  type Slapd,
  type SlapdOptions,
} from '../../support/slapd.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { passwordOf, usersFile, fixtureUsers } from '../../support/users.ts';

const whenSlapd = hasSlapd ? test : test.skip;
if (!hasSlapd) test('needs slapd and openssl on the PATH', (t) => t.pass());

interface World {
  readonly slapd: Slapd;
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  /** Moves the gateway's clock. */
  readonly advance: (ms: number) => void;
}

interface WorldOptions {
  readonly slapd?: SlapdOptions;
  readonly ldap?: Readonly<Record<string, unknown>>;
  readonly signIn?: Readonly<Record<string, unknown>>;
}

async function setUp(t: ExecutionContext, options: WorldOptions = {}): Promise<World> {
  const slapd = await startSlapd(options.slapd);
  t.teardown(slapd.stop);
  const upstream = await startUpstream();
  t.teardown(() => upstream.stop());
  let offset = 0;
  const gateway = await startTestGateway({
    now: () => Date.now() + offset,
    config: {
      server: { publicUrl: 'https://app.test' },
      signIn: {
        local: {},
        throttle: { failures: 4, within: '5m', lockFor: '10m' },
        ldap: {
          url: slapd.url,
          ...service,
          userBase: `ou=people,${suffix}`,
          timeout: '2s',
          ...options.ldap,
        },
        ...options.signIn,
      },
      routes: [
        { id: 'git', host: 'app.test', path: '/git', upstream: upstream.origin, acceptBasic: true },
        {
          id: 'ops',
          host: 'app.test',
          path: '/ops',
          upstream: upstream.origin,
          access: [{ allow: { groups: ['ops'] } }],
        },
        { id: 'app', host: 'app.test', path: '/', upstream: upstream.origin },
      ],
    },
    users: usersFile({ carol: fixtureUsers.carol, dave: fixtureUsers.dave }),
  });
  t.teardown(gateway.stop);
  return { slapd, gateway, upstream, advance: (ms) => (offset += ms) };
}

async function get(gateway: TestGateway, path: string, headers: readonly string[] = []): Promise<RawAnswer> {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: app.test', ...headers, 'Connection: close'];
  const { answers } = await sendRaw(gateway.port, `${lines.join('\r\n')}\r\n\r\n`);
  if (!answers[0]) throw new Error('no answer');
  return answers[0];
}

const tryAs = ({ gateway }: World, user: string, password: string) => trySignIn({ port: gateway.port, user, password });
const signInAs = ({ gateway }: World, user: string, password: string) => signIn({ port: gateway.port, user, password });

/** What the upstream was told of the person behind a cookie. */
async function toldOf({ gateway, upstream }: World, cookie: string): Promise<Record<string, string>> {
  await get(gateway, '/x', [`Cookie: ${cookie}`]);
  const told: Record<string, string> = {};
  for (const [name, value] of upstream.requests.at(-1)?.headers ?? [])
    if (/^remote-/i.test(name)) told[name.toLowerCase()] = Buffer.from(value, 'latin1').toString('utf8');
  return told;
}

const basic = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const addGroup = (slapd: Slapd, name: string, ...members: readonly string[]): Promise<void> =>
  slapd.edit((client) =>
    client.add(`cn=${name},ou=groups,${suffix}`, { objectClass: ['groupOfNames'], cn: name, member: [...members] }),
  );
const dnOf = (uid: string): string => `uid=${uid},ou=people,${suffix}`;
const replace = (slapd: Slapd, dn: string, type: string, values: string[]): Promise<void> =>
  slapd.edit((client) =>
    client.modify(dn, new Change({ operation: 'replace', modification: new Attribute({ type, values }) })),
  );

whenSlapd('people of the directory sign in, by the name that their entry has, with their groups', async (t) => {
  const world = await setUp(t);
  await addGroup(world.slapd, 'ops', dnOf('alice'), oddDn);
  await addGroup(world.slapd, 'a\\, comma', oddDn);
  const alice = await signInAs(world, 'ALICE', 'Alice secret');
  t.deepEqual(await toldOf(world, alice.cookie), {
    'remote-user': 'alice',
    'remote-name': 'Alice Archer',
    'remote-email': 'Alice@example.test',
    'remote-groups': 'ops',
  });
  t.is((await get(world.gateway, '/ops', [`Cookie: ${alice.cookie}`])).status, 200);
  const odd = await signInAs(world, 'obrien', 'obrien secret');
  const told = await toldOf(world, odd.cookie);
  t.is(told['remote-name'], "O'Brien, Bob (ops)*");
  t.is(told['remote-groups'], 'ops', 'a group that no header can hold is left out');
  const zoe = await signInAs(world, 'zoe', 'zoe secret');
  t.is((await toldOf(world, zoe.cookie))['remote-name'], 'Zoë 田中');
  t.is((await get(world.gateway, '/ops', [`Cookie: ${zoe.cookie}`])).status, 403);
  t.true(world.gateway.logs().some((line) => line.includes('ldap.groups-left-out')));
});

whenSlapd('one bind a try, none with an empty password, none for a name of the users file', async (t) => {
  const world = await setUp(t, { slapd: { global: ['allow bind_anon_cred bind_anon_dn'] } });
  t.is((await tryAs(world, 'bob', 'wrong')).status, 401);
  t.is((await tryAs(world, 'bob', 'bob secret')).status, 303);
  await eventually('both binds are logged', () => world.slapd.bindsAs(dnOf('bob')) >= 2);
  t.is((await tryAs(world, 'bob', '')).status, 401);
  t.is((await get(world.gateway, '/git/x', [basic('bob', '')])).status, 401);
  t.is((await tryAs(world, 'carol', passwordOf('carol'))).status, 303);
  t.is((await tryAs(world, 'dave', passwordOf('dave'))).status, 401, 'disabled in the file is refused');
  t.is(world.slapd.bindsAs(dnOf('bob')), 2);
  t.notRegex(world.slapd.log(), /uid=carol|uid=dave|BIND dn="" /);
});

whenSlapd('wrong passwords, strangers, twins, closed accounts and patterns are answered alike', async (t) => {
  const world = await setUp(t, { signIn: { throttle: { failures: 50, within: '5m', lockFor: '1m' } } });
  const shape = async (user: string, password: string) => {
    const answer = await tryAs(world, user, password);
    const body = answer.body.toString('utf8').replaceAll(/value="[^"]*"/g, '');
    return {
      status: answer.status,
      names: answer.headers.map(([name]) => name),
      body: body.replaceAll(/[A-Za-z0-9_-]{43}/g, ''),
    };
  };
  const wrong = await shape('alice', 'wrong');
  t.is(wrong.status, 401);
  const cases: readonly (readonly [string, string])[] = [
    ['nobody', 'x'],
    ['twin', 'twin secret'],
    ['gone', 'gone secret'],
    ['carol', 'wrong'],
    ['*', 'Alice secret'],
    ['ali*', 'Alice secret'],
    ['alice)(uid=*', 'Alice secret'],
    ['alice,ou=people', 'Alice secret'],
    ['\u0061lice\ufe0f', 'Alice secret'],
  ];
  for (const [user, password] of cases) t.deepEqual(await shape(user, password), wrong, user);
  const reasons = world.gateway.logs().flatMap((line) => /"sign-in.failed".*"reason":"([^"]+)"/.exec(line)?.[1] ?? []);
  t.deepEqual(reasons.slice(0, 5), [
    'wrong-password',
    'unknown-user',
    'ambiguous-user',
    'user-expired',
    'wrong-password',
  ]);
  t.false(world.gateway.logs().some((line) => / secret"/.test(line)));
});

whenSlapd('every name of an account counts as that account, in the form and with Basic', async (t) => {
  const world = await setUp(t, { ldap: { userFilter: '(|(uid={user})(mail={user})(sn={user}))' } });
  const names = ['alice', 'alice@example.test', 'ALICE', 'Alice@example.test'];
  for (const name of names) t.is((await tryAs(world, name, 'wrong')).status, 401);
  const before = world.slapd.bindsAs(dnOf('alice'));
  const locked = await tryAs(world, 'alice', 'Alice secret');
  t.is(locked.status, 429);
  t.true(Number(valueOf(locked, 'retry-after')) > 0);
  // Not 429: that would tell a guesser that the address is alice's.
  t.is((await tryAs(world, 'alice@example.test', 'Alice secret')).status, 401);
  t.is((await get(world.gateway, '/git/x', [basic('alice@example.test', 'Alice secret')])).status, 401);
  t.true(world.gateway.logs().some((line) => /"sign-in.failed".*"reason":"throttled"/.test(line)));
  t.is(world.slapd.bindsAs(dnOf('alice')), before);
});

whenSlapd('a directory that is down is told apart, counts nothing, and leaves the users file alone', async (t) => {
  const world = await setUp(t);
  const alice = await signInAs(world, 'alice', 'Alice secret');
  await world.slapd.halt();
  for (let i = 0; i < 6; i += 1) {
    const answer = await tryAs(world, 'bob', 'bob secret');
    t.is(answer.status, 503);
    t.regex(answer.body.toString(), /Signing in by the directory is unavailable/);
    t.true(Number(valueOf(answer, 'retry-after')) > 0);
  }
  t.is((await get(world.gateway, '/git/x', [basic('bob', 'bob secret')])).status, 503);
  t.is((await tryAs(world, 'carol', passwordOf('carol'))).status, 303);
  t.is((await tryAs(world, 'carol', 'wrong')).status, 401);
  world.advance(6 * 60_000);
  t.is((await get(world.gateway, '/x', [`Cookie: ${alice.cookie}`])).status, 200, 'sessions go on for a while');
  await world.slapd.restart();
  t.is((await tryAs(world, 'bob', 'bob secret')).status, 303);
  t.true(world.gateway.logs().some((line) => line.includes('"sign-in.unavailable"')));
});

whenSlapd('a live session takes on new groups, and ends with its person', async (t) => {
  const world = await setUp(t, { ldap: { refresh: '1m' } });
  const { slapd, gateway } = world;
  await addGroup(slapd, 'ops', dnOf('bob'));
  const bob = await signInAs(world, 'bob', 'bob secret');
  const alice = await signInAs(world, 'alice', 'Alice secret');
  const zoe = await signInAs(world, 'zoe', 'zoe secret');
  const statusOf = async (cookie: string, path = '/ops') => (await get(gateway, path, [`Cookie: ${cookie}`])).status;
  t.is(await statusOf(bob.cookie), 200);
  t.is(await statusOf(alice.cookie), 403);
  await replace(slapd, `cn=ops,ou=groups,${suffix}`, 'member', [dnOf('alice')]);
  t.is(await statusOf(bob.cookie), 200, 'not asked again yet');
  world.advance(61_000);
  await poll(async () => (await statusOf(bob.cookie)) === 403);
  await poll(async () => (await statusOf(alice.cookie)) === 200);
  await slapd.edit((client) => client.modifyDN(dnOf('alice'), `uid=alice,ou=people,${suffix}`));
  await slapd.edit((client) => client.del(dnOf('bob')));
  // Another person of the same name: not whom the session is for.
  await slapd.edit((client) =>
    client.add(dnOf('bob'), {
      objectClass: ['inetOrgPerson'],
      uid: 'bob',
      cn: 'New Bob',
      sn: 'b',
      userPassword: 'new secret',
    }),
  );
  await slapd.edit((client) =>
    client.modify(dnOf('zoe'), [
      new Change({ operation: 'add', modification: new Attribute({ type: 'objectClass', values: ['shadowAccount'] }) }),
      new Change({ operation: 'add', modification: new Attribute({ type: 'shadowExpire', values: ['1'] }) }),
    ]),
  );
  world.advance(61_000);
  await poll(async () => (await statusOf(bob.cookie)) === 401);
  await poll(async () => (await statusOf(zoe.cookie, '/x')) === 401);
  t.is(await statusOf(alice.cookie), 200);
  const taken = await tryAs(world, 'bob', 'new secret');
  t.is(taken.status, 403, 'the name is still the first bob’s');
  const ends = gateway
    .logs()
    .filter((line) => line.includes('"session.ended"'))
    .join('\n');
  t.regex(ends, /entry-gone/);
  t.regex(ends, /user-expired/);
});

whenSlapd('Basic costs the directory one bind a minute, not one a request', async (t) => {
  const world = await setUp(t);
  for (let i = 0; i < 10; i += 1) t.is((await get(world.gateway, '/git/x', [basic('Bob', 'bob secret')])).status, 200);
  await eventually('the bind is logged', () => world.slapd.bindsAs(dnOf('bob')) === 1);
  t.is(world.upstream.requests.at(-1)?.headers.find(([name]) => /^remote-user$/i.test(name))?.[1], 'bob');
  world.advance(61_000);
  t.is((await get(world.gateway, '/git/x', [basic('bob', 'bob secret')])).status, 200);
  await eventually('it is asked again', () => world.slapd.bindsAs(dnOf('bob')) === 2);
});

whenSlapd(
  'a lock of the directory is told to the log alone, and a password that must be changed opens nothing',
  async (t) => {
    const world = await setUp(t, {
      slapd: { policy: true },
      signIn: { throttle: { failures: 50, within: '5m', lockFor: '1m' } },
    });
    await replace(world.slapd, dnOf('zoe'), 'pwdReset', ['TRUE']);
    t.is((await tryAs(world, 'zoe', 'zoe secret')).status, 401);
    for (let i = 0; i < 3; i += 1) await tryAs(world, 'alice', 'wrong');
    t.is((await tryAs(world, 'alice', 'Alice secret')).status, 401);
    const log = world.gateway.logs().join('\n');
    t.regex(log, /"reason":"password-expired"/);
    t.regex(log, /"user":"alice","method":"ldap","reason":"wrong-password"/);
  },
);

whenSlapd(
  'a search finds groups by member, uniqueMember and memberUid, and a filter of its own narrows people',
  async (t) => {
    const world = await setUp(t, {
      slapd: {
        ldif: [
          `dn: cn=posix,ou=groups,${suffix}\nobjectClass: posixGroup\ncn: posix\ngidNumber: 7\nmemberUid: obrien\n`,
          `dn: cn=unique,ou=groups,${suffix}\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: ${oddDn}\n`,
          `dn: cn=ops,ou=groups,${suffix}\nobjectClass: groupOfNames\ncn: ops\nmember: ${oddDn}\n`,
          `dn: cn=others,ou=groups,${suffix}\nobjectClass: groupOfNames\ncn: others\nmember: ${dnOf('bob')}\n`,
        ].join('\n'),
      },
      ldap: {
        userPrefix: 'corp-',
        userFilter: '(&(uid={user})(cn=O*))',
        groups: { base: `ou=groups,${suffix}` },
      },
    });
    const odd = await signInAs(world, 'obrien', 'obrien secret');
    const told = await toldOf(world, odd.cookie);
    t.is(told['remote-user'], 'corp-obrien');
    t.is(told['remote-groups'], 'ops,posix,unique');
    t.is((await tryAs(world, 'bob', 'bob secret')).status, 401);
  },
);

whenSlapd('a direct bind needs no searching account and takes odd names literally', async (t) => {
  const world = await setUp(t, {
    slapd: { ldif: person('o,dd', [], 'uid=o\\,dd') },
    ldap: { bindDn: undefined, bindPassword: undefined, userBase: undefined, userDn: `uid={user},ou=people,${suffix}` },
  });
  const odd = await signInAs(world, 'o,dd', 'o,dd secret');
  t.is((await toldOf(world, odd.cookie))['remote-user'], 'o,dd');
  t.is((await tryAs(world, 'alice', 'Alice secret')).status, 303);
  for (const name of ['alice,ou=people', 'alice+cn=x', 'x,uid=alice', '*', 'alice  '])
    t.is((await tryAs(world, name, 'Alice secret')).status, name.trim() === 'alice' ? 303 : 401, name);
  world.advance(30 * 60_000);
  t.is((await get(world.gateway, '/x', [`Cookie: ${odd.cookie}`])).status, 200, 'nobody can be asked about it');
});

whenSlapd('StartTLS with a private authority, from a file beside the configuration', async (t) => {
  const slapd = await startSlapd();
  t.teardown(slapd.stop);
  const upstream = await startUpstream();
  t.teardown(() => upstream.stop());
  const ldap = { url: ['ldap://127.0.0.1:1', slapd.url], startTls: true, ...service, userBase: suffix };
  const config = (ca: string) => ({
    server: { publicUrl: 'https://app.test' },
    signIn: { ldap: { ...ldap, tls: { ca } } },
    routes: [{ host: 'app.test', path: '/', upstream: upstream.origin }],
  });
  const gateway = await startTestGateway({ config: { ...config('ca.pem'), signIn: {} }, users: usersFile() });
  t.teardown(gateway.stop);
  await t.throwsAsync(gateway.reload(config('ca.pem')), { message: /ca\.pem/ });
  await copyFile(slapd.ca, join(gateway.directory, 'ca.pem'));
  await gateway.reload(config('ca.pem'));
  t.is((await trySignIn({ port: gateway.port, user: 'obrien', password: 'obrien secret' })).status, 303);
  t.is((await trySignIn({ port: gateway.port, user: 'obrien', password: 'wrong' })).status, 401);
});
