import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash as bcryptHash } from '@node-rs/bcrypt';
import test from 'ava';
import { stringify } from 'yaml';
import { fixtures } from '../support/fixture.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { sendRaw } from '../support/raw.ts';
import { startUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';
import { passwordHashes, passwordOf, usersFile } from '../support/users.ts';
import type { FixtureName } from '../support/users.ts';
import { createVisitor, navigationHeaders, readForm, sendTo } from '../support/visitor.ts';
import type { Reply, Visitor } from '../support/visitor.ts';

// Group H: guessing is limited and tells nothing, and a password is exactly what it is.

interface Scene {
  readonly upstream: Upstream;
  readonly gateway: TestGateway;
  /** Moves the gateway's clock. */
  readonly advance: (milliseconds: number) => void;
  readonly visitor: () => Visitor;
  readonly signIn: (user: string, password: string, headers?: Record<string, string>) => Promise<Reply>;
  readonly as: (user: FixtureName) => Promise<Visitor>;
}

type Teardown = (end: () => Promise<void>) => void;

interface Wanted {
  readonly throttle?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  readonly users?: string;
}

async function setScene(teardown: Teardown, wanted: Wanted = {}): Promise<Scene> {
  const upstream = await startUpstream();
  let ahead = 0;
  const merged = { ...fixtures.plain, ...wanted.config, signIn: { throttle: wanted.throttle ?? { failures: 1000 } } };
  const gateway = await startTestGateway({
    config: JSON.parse(JSON.stringify(merged).replaceAll('{UP}', upstream.origin)) as Record<string, unknown>,
    users: wanted.users ?? usersFile(),
    now: () => Date.now() + ahead,
  });
  teardown(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  const visitor = () => createVisitor(gateway.port, { host: 'app.test', scheme: 'https' });
  return {
    upstream,
    gateway,
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
    visitor,
    signIn: (user, password, headers) => visitor().signIn(user, password, headers === undefined ? {} : { headers }),
    as: async (user) => {
      const someone = visitor();
      const reply = await someone.signIn(user, passwordOf(user));
      if (someone.token() === null) throw new Error(`could not sign in ${user}: ${reply.status} ${reply.text}`);
      return someone;
    },
  };
}

function usersWith(passwords: Readonly<Record<string, unknown>>): string {
  return stringify({
    users: Object.fromEntries(Object.entries(passwords).map(([user, password]) => [user, { password }])),
  });
}

function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** What of an answer could tell one refusal from another; what is new each time is taken out. */
function fingerprint(reply: Reply, user: string): unknown {
  const headers = Object.entries(reply.headers).filter(
    ([name]) => !['date', 'x-request-id', 'set-cookie', 'content-length', 'retry-after'].includes(name),
  );
  const clean = (text: string) =>
    text
      .replaceAll(user, 'USER')
      .replaceAll(/value="[^"]*"/g, 'value=""')
      .replaceAll(/nonce-[A-Za-z0-9+/_=-]+/g, 'nonce')
      .replaceAll(/nonce="[^"]*"/g, 'nonce=""')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9_-]{16,}(?=<)/g, 'ID');
  return {
    status: reply.status,
    headers: headers.map(([name, value]) => `${name}: ${clean(String(value))}`).sort(),
    cookies: reply.setCookies.map((line) => line.replace(/=[^;]*/, '=')).sort(),
    body: clean(reply.text),
  };
}

test('H152 enum-body: wrong password, unknown, disabled and passwordless users get the same answer', async (t) => {
  const scene = await setScene((end) => t.teardown(end), {
    throttle: { failures: 3 },
    users: stringify({
      users: {
        alice: { password: passwordHashes.alice },
        dave1: { password: passwordHashes.dave, disabled: true },
        nopas: {},
      },
    }),
  });
  const expected = fingerprint(await scene.signIn('alice', 'wrong'), 'alice');
  t.is((expected as { status: number }).status, 401);
  t.deepEqual(fingerprint(await scene.signIn('nobod', 'wrong'), 'nobod'), expected, 'unknown');
  t.deepEqual(fingerprint(await scene.signIn('dave1', passwordOf('dave')), 'dave1'), expected, 'disabled, right');
  t.deepEqual(fingerprint(await scene.signIn('dave1', 'wrong'), 'dave1'), expected, 'disabled, wrong');
  t.deepEqual(fingerprint(await scene.signIn('nopas', 'wrong'), 'nopas'), expected, 'without a password');
  for (const user of ['alice', 'nobod']) for (let count = 0; count < 3; count += 1) await scene.signIn(user, 'wrong');
  const locked = fingerprint(await scene.signIn('alice', passwordOf('alice')), 'alice');
  t.is((locked as { status: number }).status, 429);
  t.deepEqual(fingerprint(await scene.signIn('nobod', 'wrong'), 'nobod'), locked, 'an unknown name locks alike');
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Adds refusals of each of these users to the least time, in milliseconds, that one has taken so far. */
async function timeRefusals(scene: Scene, least: Map<string, number>, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    // In turns, so that the noise of the machine falls on all alike.
    for (const [user, best] of least) {
      const visitor = scene.visitor();
      const page = await visitor.navigate('/_auth/sign-in');
      const started = process.hrtime.bigint();
      const reply = await visitor.navigate('/_auth/sign-in', {
        method: 'POST',
        body: new URLSearchParams([
          ...(readForm(page.text)?.hidden ?? []),
          ['username', user],
          ['password', 'wrong'],
        ]).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.test' },
      });
      least.set(user, Math.min(best, Number(process.hrtime.bigint() - started) / 1e6));
      if (reply.status !== 401) throw new Error(`answered ${reply.status}`);
    }
  }
}

/**
 * Null when refusals of these users take alike, else what they took. Noise only ever adds: the least of many is what the work
 * takes, and on a busy machine many more are needed until all have had a quiet moment.
 */
async function tellsApart(scene: Scene, users: readonly string[], rounds: number): Promise<string | null> {
  const least = new Map(users.map((user) => [user, Infinity]));
  for (let count = 0; count < 6; count += 1) {
    await timeRefusals(scene, least, rounds);
    const [quickest, slowest] = [Math.min(...least.values()), Math.max(...least.values())];
    if (slowest - quickest < Math.max(10, quickest * 0.2)) return null;
  }
  return JSON.stringify([...least]);
}

test.serial('H153 enum-time: unknown and disabled users take as long as a wrong password', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end));
  t.is(await tellsApart(scene, ['alice', 'nobody', 'dave'], 25), null);
});

test.serial('H153 enum-time: so they do where users have hashes of several kinds', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end), {
    users: usersWith({
      alice: passwordHashes.alice,
      bertha: await bcryptHash('correct horse battery', 10),
      conrad: await bcryptHash('correct horse battery', 8),
    }),
  });
  t.is(await tellsApart(scene, ['alice', 'bertha', 'conrad', 'nobody'], 10), null);
});

test('H155 ban: too many failures refuse the right password too, until the lock is over', async (t) => {
  const scene = await setScene((end) => t.teardown(end), {
    throttle: { failures: 5, within: '5m', lockFor: '10m' },
  });
  for (let count = 0; count < 5; count += 1) t.is((await scene.signIn('alice', 'wrong')).status, 401);
  const locked = await scene.signIn('alice', passwordOf('alice'));
  t.is(locked.status, 429);
  const seconds = Number(locked.headers['retry-after']);
  t.true(seconds > 0 && seconds <= 600, String(seconds));
  t.deepEqual(
    locked.setCookies.filter((line) => /^__Host-sallyport=/.test(line)),
    [],
  );
  t.is((await scene.signIn('bob', passwordOf('bob'))).status, 303, 'nobody else is locked');
  scene.advance(9 * 60_000);
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 429);
  scene.advance(61_000);
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 303);
});

test('H155 ban: failures are forgotten after a while, and at a success', async (t) => {
  const scene = await setScene((end) => t.teardown(end), {
    throttle: { failures: 5, within: '5m', lockFor: '10m' },
  });
  for (let count = 0; count < 4; count += 1) await scene.signIn('alice', 'wrong');
  scene.advance(5 * 60_000 + 1_000);
  for (let count = 0; count < 4; count += 1) t.is((await scene.signIn('alice', 'wrong')).status, 401);
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 303);
  for (let count = 0; count < 4; count += 1) t.is((await scene.signIn('alice', 'wrong')).status, 401);
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 303);
});

const aliases = [
  'Alice',
  'ALICE',
  ' alice ',
  'alice ',
  '\talice',
  'alice@example.test',
  '\uff41\uff4c\uff49\uff43\uff45',
  'al\u0131ce',
  'alice\u200b',
  'alice\u0000',
  'alice.',
  'alic\u0435',
];

test('H156 ban-alias: no other spelling of a name gets around its lock', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 3 } });
  for (let count = 0; count < 4; count += 1) await scene.signIn('alice', 'wrong');
  for (const alias of aliases) {
    const visitor = scene.visitor();
    const reply = await visitor.signIn(alias, passwordOf('alice'));
    t.true([400, 401, 429].includes(reply.status), `${JSON.stringify(alias)}: ${reply.status}`);
    t.is(visitor.token(), null, alias);
  }
  for (const alias of aliases) {
    const fresh = await setScene((end) => t.teardown(end), { throttle: { failures: 3 } });
    const visitor = fresh.visitor();
    await visitor.signIn(alias, passwordOf('alice'));
    if (visitor.token() === null) continue;
    const seen = await visitor.navigate('/private/x');
    t.is(seen.status, 200);
    const headers = fresh.upstream.requests.at(-1)?.headers ?? [];
    t.deepEqual(
      headers.filter(([name]) => name.toLowerCase() === 'remote-user').map(([, value]) => value),
      ['alice'],
      'one name everywhere',
    );
    for (let count = 0; count < 4; count += 1) await fresh.signIn(alias, 'wrong');
    t.is((await fresh.signIn('alice', passwordOf('alice'))).status, 429, JSON.stringify(alias));
  }
});

test('H157 ban-xff: a visitor does not get rid of the limits by naming another address', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 2 } });
  const statuses: number[] = [];
  for (let count = 0; count < 10; count += 1) {
    const address = `10.1.2.${count}`;
    const reply = await scene.signIn(`user-${count}`, 'wrong', {
      'x-forwarded-for': address,
      forwarded: `for=${address}`,
      'x-real-ip': address,
      'client-ip': address,
      'x-client-ip': address,
      'true-client-ip': address,
      'cf-connecting-ip': address,
    });
    statuses.push(reply.status);
  }
  t.deepEqual(statuses, [401, 401, 401, 401, 401, 401, 401, 401, 429, 429]);
});

test('H158 ban-spray: one password tried on many users locks the address', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 5 } });
  const statuses: number[] = [];
  for (let count = 0; count < 24; count += 1)
    statuses.push((await scene.signIn(`user-${count}`, 'Winter2026!')).status);
  t.is(statuses.indexOf(429), 20, String(statuses));
  t.true(statuses.slice(20).every((status) => status === 429));
});

test('H159 ban-race: parallel guesses count before they are judged', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 3 } });
  const visitors = Array.from({ length: 60 }, () => scene.visitor());
  const forms = await Promise.all(visitors.map((visitor) => visitor.navigate('/_auth/sign-in')));
  const replies = await Promise.all(
    visitors.map((visitor, index) =>
      visitor.navigate('/_auth/sign-in', {
        method: 'POST',
        body: new URLSearchParams([
          ...(readForm(forms[index]?.text ?? '')?.hidden ?? []),
          ['username', 'alice'],
          ['password', `wrong ${index}`],
        ]).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.test' },
      }),
    ),
  );
  const judged = replies.filter((reply) => reply.status === 401).length;
  t.true(judged <= 4, `${judged} of 60 guesses were judged`);
  t.true(replies.every((reply) => [401, 429, 503].includes(reply.status)));
  t.true(replies.some((reply) => reply.status === 429));
});

test("H160 ban-reset: an attacker's own success gives back no guesses", async (t) => {
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 3 } });
  // Three failures for one account with successes between: still three.
  for (let count = 0; count < 3; count += 1) {
    t.is((await scene.signIn('alice', 'wrong')).status, 401);
    t.is((await scene.signIn('bob', passwordOf('bob'))).status, 303);
  }
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 429);
  // Twelve failures lock the address, successes between or not; alice's refused tries are none of the hash's.
  const statuses: number[] = [];
  for (let count = 0; count < 12; count += 1) {
    statuses.push((await scene.signIn(`user-${count}`, 'wrong')).status);
    if (count % 3 === 0) await scene.signIn('bob', passwordOf('bob'));
  }
  t.true(statuses.includes(429), String(statuses));
});

test("H161 ban-dos: a lock ends no live session and locks nobody else's address", async (t) => {
  const scene = await setScene((end) => t.teardown(end), {
    throttle: { failures: 2, lockFor: '10m' },
    config: fixtures.trusting,
  });
  const alice = await scene.as('alice');
  const from = (address: string) => ({ 'x-forwarded-for': address, 'x-forwarded-proto': 'https' });
  for (let count = 0; count < 12; count += 1) await scene.signIn('alice', 'wrong', from('198.51.100.7'));
  t.is((await alice.navigate('/private/x')).status, 200, 'her session goes on');
  t.is((await scene.signIn('bob', passwordOf('bob'), from('203.0.113.9'))).status, 303, 'others sign in elsewhere');
  scene.advance(10 * 60_000 + 1_000);
  t.is((await scene.signIn('alice', passwordOf('alice'), from('203.0.113.9'))).status, 303, 'no lock is for ever');
});

test('H162 ban-channels: form and Basic count together', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { throttle: { failures: 4 } });
  const viaBasic = (user: string, password: string) =>
    sendTo(scene.gateway.port, '/basic/x', { host: 'app.test', headers: basic(user, password) });
  t.is((await viaBasic('alice', passwordOf('alice'))).status, 200);
  for (let count = 0; count < 2; count += 1) {
    t.is((await scene.signIn('alice', 'wrong')).status, 401);
    t.is((await viaBasic('alice', 'wrong')).status, 401);
  }
  t.is((await scene.signIn('alice', passwordOf('alice'))).status, 429);
  const refused = await viaBasic('ALICE', `${passwordOf('alice')} `);
  t.is(refused.status, 429);
  t.regex(String(refused.headers['retry-after']), /^\d+$/);
});

test('H163 pw-long: long passwords work whole, or are refused; none is cut', async (t) => {
  const long = (length: number) => 'pässword '.repeat(200).slice(0, length);
  const scene = await setScene((end) => t.teardown(end), {
    users: usersWith({
      a64: await hashOf(long(64)),
      a128: await hashOf(long(128)),
      a1000: await hashOf(long(1_000)),
      bcrypt: await bcryptHash('A'.repeat(72), 10),
      bcrypt73: await bcryptHash(`${'A'.repeat(72)}x`, 10),
    }),
  });
  t.is((await scene.signIn('a64', long(64))).status, 303);
  t.is((await scene.signIn('a128', long(128))).status, 303);
  t.is((await scene.signIn('a128', long(127))).status, 401);
  const thousand = await scene.signIn('a1000', long(1_000));
  t.true([303, 400].includes(thousand.status));
  if (thousand.status === 303) t.is((await scene.signIn('a1000', long(999))).status, 401);
  t.not((await scene.signIn('bcrypt73', `${'A'.repeat(72)}y`)).status, 303, 'bcrypt reads 72 bytes only');
  t.not((await scene.signIn('bcrypt', `${'A'.repeat(72)}y`)).status, 303);
  t.is((await scene.signIn('bcrypt', 'A'.repeat(72))).status, 303);

  const started = Date.now();
  const huge = await sendTo(scene.gateway.port, '/_auth/sign-in', {
    method: 'POST',
    host: 'app.test',
    body: `username=alice&password=${'A'.repeat(1024 * 1024)}`,
    headers: {
      ...navigationHeaders,
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://app.test',
      'sec-fetch-site': 'same-origin',
    },
  }).catch(() => null);
  // Whoever still writes when the answer comes may see the connection cut instead of it.
  if (huge !== null) t.is(huge.status, 413);
  t.true(Date.now() - started < 3_000);
  t.is((await scene.visitor().navigate('/_auth/sign-in')).status, 200);
});

test('H164 pw-exact: nothing of a password is trimmed, folded or cut', async (t) => {
  const passwords = {
    plain: 'correct horse battery',
    spaces: '  two spaces around  ',
    unicode: 'Zoë 田中 🔑 passwort',
    plus: 'a+b&c=d%20e%%',
    nul: 'pw with more behind',
  };
  const hashes: Record<string, string> = {};
  for (const [user, password] of Object.entries(passwords)) hashes[user] = await hashOf(password);
  const scene = await setScene((end) => t.teardown(end), { users: usersWith(hashes) });
  for (const [user, password] of Object.entries(passwords)) {
    t.is((await scene.signIn(user, password)).status, 303, user);
    for (const other of [
      ` ${password}`,
      `${password} `,
      `${password}\0`,
      `${password}\0x`,
      `${password}\n`,
      password.toUpperCase(),
      password.slice(0, -1),
      password.trim() === password ? `${password}\t` : password.trim(),
      '',
    ])
      t.true([400, 401].includes((await scene.signIn(user, other)).status), `${user}: ${JSON.stringify(other)}`);
  }
});

test('H164 pw-exact: no password opens an account whose stored hash is empty or broken', async (t) => {
  for (const stored of [
    '',
    ' ',
    '$argon2id$',
    '$argon2id$v=19$m=19456,t=2,p=1$$',
    '$2b$10$',
    'plain text',
    'x'.repeat(60),
  ]) {
    const scene = await setScene((end) => t.teardown(end), {
      users: stringify({ users: { alice: { password: stored }, bob: { password: passwordHashes.bob } } }),
    }).catch((error: unknown) => {
      // To refuse such a file at start is right as well.
      t.regex(String(error), /users|password|hash/i);
      return null;
    });
    if (scene === null) continue;
    for (const password of ['', stored, ' ', 'plain text', '\0'])
      t.true(
        [400, 401, 429].includes((await scene.signIn('alice', password)).status),
        JSON.stringify([stored, password]),
      );
    t.is((await scene.signIn('bob', passwordOf('bob'))).status, 303, 'others are not concerned');
  }
});

test('H165 pw-type: takes a form with one user name and one password, and nothing else', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const right = passwordOf('alice');
  const bodies: [type: string, body: (hidden: [string, string][]) => string][] = [
    ['application/json', () => JSON.stringify({ username: 'alice', password: right })],
    ['application/json', () => '{"username":"alice","password":["x"]}'],
    ['application/json', () => '{"username":"alice","password":{"$ne":1}}'],
    ['application/json', () => '{"__proto__":{"polluted":1},"username":"alice","password":1}'],
    ['application/json; charset=utf-7', () => '{}'],
    ['text/plain', (hidden) => `${new URLSearchParams(hidden).toString()}&username=alice&password=${right}`],
    [
      'multipart/form-data; boundary=x',
      () => `--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nalice\r\n--x--`,
    ],
    ['application/xml', () => '<username>alice</username>'],
    ['', () => `username=alice&password=${right}`],
  ];
  for (const [type, makeBody] of bodies) {
    const visitor = scene.visitor();
    const hidden = readForm((await visitor.navigate('/_auth/sign-in')).text)?.hidden ?? [];
    const reply = await visitor.navigate('/_auth/sign-in', {
      method: 'POST',
      body: makeBody(hidden),
      headers: { origin: 'https://app.test', ...(type !== '' && { 'content-type': type }) },
    });
    t.true([400, 403, 415].includes(reply.status), `${type}: ${reply.status}`);
    t.is(visitor.token(), null);
  }
  for (const fields of [
    [['username', 'bob']],
    [['password', passwordOf('bob')]],
    [['username[]', 'alice']],
    [['username[$ne]', 'x']],
    [
      ['__proto__', 'x'],
      ['__proto__[polluted]', '1'],
      ['constructor[prototype][polluted]', '1'],
    ],
  ] as [string, string][][]) {
    const visitor = scene.visitor();
    const reply = await visitor.signIn('alice', right, { fields });
    if (reply.status === 303) {
      await visitor.navigate('/private/x');
      const names = scene.upstream.requests.at(-1)?.headers.filter(([name]) => name.toLowerCase() === 'remote-user');
      t.deepEqual(
        names?.map(([, value]) => value),
        ['alice'],
        JSON.stringify(fields),
      );
    } else t.true([400, 401].includes(reply.status), JSON.stringify(fields));
  }
  t.is(({} as { polluted?: unknown }).polluted, undefined);
  t.is((await scene.signIn('alice', right)).status, 303);
});

test('H166 login-get: a user name and password in the address sign nobody in', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const query = new URLSearchParams({ username: 'alice', password: passwordOf('alice') }).toString();
  const visitor = scene.visitor();
  const page = await visitor.navigate(`/_auth/sign-in?${query}`);
  t.is(page.status, 200);
  t.is(visitor.token(), null);
  t.false(page.text.includes(passwordOf('alice')));
  const posted = await visitor.signIn('', '', { page: '/_auth/sign-in', target: `/_auth/sign-in?${query}` });
  t.true([400, 401].includes(posted.status));
  t.is(visitor.token(), null);
});

test("H167 login-csrf: a form that is not the visitor's own signs nobody in", async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const credentials: [string, string][] = [
    ['username', 'bob'],
    ['password', passwordOf('bob')],
  ];
  const post = (visitor: Visitor, fields: [string, string][], headers: Record<string, string> = {}) =>
    visitor.navigate('/_auth/sign-in', {
      method: 'POST',
      body: new URLSearchParams([...fields, ...credentials]).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://app.test',
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    });
  const open = async () => {
    const visitor = scene.visitor();
    const hidden = readForm((await visitor.navigate('/_auth/sign-in')).text)?.hidden ?? [];
    return { visitor, hidden };
  };
  const refused = (reply: Reply, visitor: Visitor, what: string) => {
    t.is(reply.status, 403, what);
    t.is(visitor.token(), null, what);
    t.deepEqual(
      reply.setCookies.filter((line) => /^__Host-sallyport=[^;]/.test(line)),
      [],
      what,
    );
  };
  {
    const visitor = scene.visitor();
    refused(await post(visitor, []), visitor, 'no token, no cookie');
  }
  {
    const { visitor } = await open();
    refused(await post(visitor, []), visitor, 'cookie without token');
  }
  {
    const { hidden } = await open();
    const visitor = scene.visitor();
    refused(await post(visitor, hidden), visitor, 'token without cookie');
  }
  {
    const first = await open();
    const second = await open();
    refused(await post(second.visitor, first.hidden), second.visitor, "another browser's token");
  }
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.test' },
    { origin: 'null' },
    { origin: 'http://app.test' },
    { origin: 'https://app.test.evil.test' },
    { origin: 'https://app.test:8443' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://sib.test', 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) {
    const { visitor, hidden } = await open();
    refused(await post(visitor, hidden, headers), visitor, JSON.stringify(headers));
  }
  const { visitor, hidden } = await open();
  t.is((await post(visitor, hidden)).status, 303, 'the same from the own page is fine');
});

test("H168 login-switch: signing in as another ends the first one's session", async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const browser = await scene.as('alice');
  const first = browser.token() ?? '';
  const reply = await browser.signIn('bob', passwordOf('bob'));
  t.is(reply.status, 303);
  t.not(browser.token(), first);
  const old = await sendTo(scene.gateway.port, '/private/x', {
    host: 'app.test',
    headers: { cookie: `__Host-sallyport=${first}` },
  });
  t.is(old.status, 401);
  await browser.navigate('/private/x');
  const seen = scene.upstream.requests.at(-1)?.headers ?? [];
  t.deepEqual(
    seen.filter(([name]) => name.toLowerCase() === 'remote-user').map(([, value]) => value),
    ['bob'],
  );
  // A failed try as somebody else changes nothing.
  t.is((await browser.signIn('alice', 'wrong')).status, 401);
  t.is((await browser.navigate('/private/x')).status, 200);
});

test.serial('H169 hash-dos: a flood of sign-ins leaves the app reachable and ends by itself', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end));
  const alice = await scene.as('alice');
  const visitors = Array.from({ length: 200 }, () => scene.visitor());
  const hidden: [string, string][][] = [];
  for (const visitor of visitors) hidden.push(readForm((await visitor.navigate('/_auth/sign-in')).text)?.hidden ?? []);
  const memoryBefore = process.memoryUsage().rss;
  let flooding = true;
  const flood = Promise.all(
    visitors.map((visitor, index) =>
      visitor.navigate('/_auth/sign-in', {
        method: 'POST',
        body: new URLSearchParams([
          ...(hidden[index] ?? []),
          ['username', `user-${index}`],
          ['password', 'wrong'],
        ]).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.test' },
      }),
    ),
  ).finally(() => {
    flooding = false;
  });
  const waits: number[] = [];
  while (flooding) {
    const started = Date.now();
    t.is((await alice.send('/private/x')).status, 200);
    waits.push(Date.now() - started);
  }
  const replies = await flood;
  t.true(replies.every((reply) => [401, 429, 503].includes(reply.status)));
  t.true(median(waits) < 1_000, `waited ${median(waits)} ms in the median`);
  t.true(process.memoryUsage().rss - memoryBefore < 512 * 1024 * 1024);
});

test('H170 hash-min: a weak hash is told of and renewed at the next sign-in', async (t) => {
  const { argon2Sync } = await import('node:crypto');
  const nonce = Buffer.alloc(16, 7);
  const weak = argon2Sync('argon2id', {
    message: 'correct horse battery',
    nonce,
    parallelism: 1,
    tagLength: 32,
    memory: 4_096,
    passes: 1,
  });
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const scene = await setScene((end) => t.teardown(end), {
    users: usersWith({
      bcrypt: await bcryptHash('correct horse battery', 8),
      weak: `$argon2id$v=19$m=4096,t=1,p=1$${unpadded(nonce)}$${unpadded(weak)}`,
    }),
  });
  const file = join(scene.gateway.directory, 'users.yaml');
  for (const user of ['bcrypt', 'weak']) {
    const browser = scene.visitor();
    t.is((await browser.signIn(user, 'correct horse battery')).status, 303, user);
    await eventually('the stored hash is renewed', async () => {
      const line = (await readFile(file, 'utf8')).split('\n').findIndex((text) => text.includes(`${user}:`));
      const stored = (await readFile(file, 'utf8')).split('\n').slice(line).join('\n');
      const parameters = /\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)/.exec(stored);
      return parameters !== null && Number(parameters[1]) >= 19_456 && Number(parameters[2]) >= 2;
    });
    // Our own renewal is no change of the password: the session goes on.
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.is((await browser.navigate('/private/x')).status, 200);
    t.is((await scene.signIn(user, 'correct horse battery')).status, 303);
    t.is((await scene.signIn(user, 'wrong')).status, 401);
  }
});

test('H171 basic-parse: Basic is read strictly, and never mixed with a session', async (t) => {
  const scene = await setScene((end) => t.teardown(end), {
    users: usersWith({ alice: passwordHashes.alice, bob: passwordHashes.bob, zoë: await hashOf('pässwört 🔑 lang') }),
  });
  const ask = (authorization: string, more: Record<string, string> = {}) =>
    sendTo(scene.gateway.port, '/basic/x', { host: 'app.test', headers: { authorization, ...more } });
  const encode = (text: string | Buffer) => Buffer.from(text).toString('base64');
  const right = encode(`alice:${passwordOf('alice')}`);
  const userSeen = () =>
    scene.upstream.requests
      .at(-1)
      ?.headers.filter(([name]) => name.toLowerCase() === 'remote-user')
      .map(([, value]) => value);

  t.is((await ask(`Basic ${right}`)).status, 200);
  t.deepEqual(userSeen(), ['alice']);
  t.is((await ask(`bAsIC ${right}`)).status, 200, 'the scheme has no case');
  const utf8 = await ask(`Basic ${encode('zoë:pässwört 🔑 lang')}`);
  t.true([200, 401].includes(utf8.status));
  const before = scene.upstream.requests.length;
  for (const value of [
    'Basic',
    'Basic ',
    `Basic\t${right}x`,
    `Basic ${encode('alice')}`,
    `Basic ${encode(':')}`,
    `Basic ${encode(`:${passwordOf('alice')}`)}`,
    `Basic ${encode('alice:')}`,
    'Basic !!!!',
    `Basic ${right.slice(0, 5)}`,
    `Basic ${right} ${right}`,
    `Basic ${right}, Basic ${right}`,
    `Basic ${encode(`alice:${passwordOf('alice')}\0`)}`,
    `Basic ${encode(`alice\0:${passwordOf('alice')}`)}`,
    `Basic ${encode(Buffer.from([0xff, 0xfe, 0x3a, 0xff]))}`,
    `Basic ${encode(`alice:${'x'.repeat(6_000)}`)}`,
    `Basic ${encode('alice:wrong')}`,
  ]) {
    const reply = await ask(value);
    t.true([400, 401, 431].includes(reply.status), `${value.slice(0, 40)}: ${reply.status}`);
    if (reply.status === 401) t.regex(String(reply.headers['www-authenticate']), /^Basic realm=/);
  }
  const two = await sendRaw(
    scene.gateway.port,
    `GET /basic/x HTTP/1.1\r\nHost: app.test\r\n${`Authorization: Basic ${right}\r\n`.repeat(2)}\r\n`,
  );
  t.is(two.answers[0]?.status, 400);
  t.is(scene.upstream.requests.length, before);

  const bob = await scene.as('bob');
  const cookie = `__Host-sallyport=${bob.token()}`;
  t.is((await ask(`Basic ${right}`, { cookie })).status, 200);
  t.deepEqual(userSeen(), ['alice'], 'Basic wins where it is accepted');
  t.is((await ask(`Basic ${encode('alice:wrong')}`, { cookie })).status, 401, 'and what is wrong stays wrong');
  const elsewhere = await sendTo(scene.gateway.port, '/private/x', {
    host: 'app.test',
    headers: { authorization: `Basic ${right}` },
  });
  t.is(elsewhere.status, 401, 'a route that does not say so takes no Basic');
});

test('H172 login-xss: nothing that a visitor writes becomes markup', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const hostile = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    '</title><script>alert(1)</script>',
    '{{7*7}}${7*7}<%= 7*7 %>',
    'javascript:alert(1)',
    '\u202e<b>',
    '&lt;script&gt;',
    '\ud800',
    '%3Cscript%3E',
  ];
  const sound = (reply: Reply, what: string) => {
    t.true(reply.status < 500, what);
    t.notRegex(reply.text, /<script>alert|<img src=x|<\/title><script|<b>|(href|src|action)=["']?javascript:/i, what);
    t.notRegex(reply.text, /\b49\b/, what);
  };
  for (const text of hostile) {
    const well = encodeURIComponent(text.isWellFormed() ? text : '\ufffd');
    for (const parameter of ['error', 'return_to', 'username', 'message', 'lang', 'user', 'app'])
      sound(await scene.visitor().navigate(`/_auth/sign-in?${parameter}=${well}`), `${parameter}=${text}`);
    sound(await scene.visitor().navigate(`/_auth/sign-out?return_to=${well}`), text);
    sound(await scene.visitor().navigate(`/_auth/${well}`), text);
    sound(await scene.visitor().navigate(`/nowhere/${well}`), text);
    if (text.isWellFormed()) sound(await scene.signIn(text, text), text);
  }
  const malformed = await scene.visitor().navigate('/_auth/sign-in?return_to=%ed%a0%80&error=%ff%fe');
  t.true(malformed.status < 500);
});
