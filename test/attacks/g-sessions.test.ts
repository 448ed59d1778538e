import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { fixtures } from '../support/fixture.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { eventually } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startUpstream, plainAnswer } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';
import { fixtureUsers, passwordOf, usersFile } from '../support/users.ts';
import type { FixtureName } from '../support/users.ts';
import { createVisitor, navigationHeaders, sendTo, socketClosed } from '../support/visitor.ts';
import type { Visitor } from '../support/visitor.ts';

// Group G: a session is its token, the token is nobody else's, and what has ended stays ended.

interface Clock {
  readonly now: () => number;
  readonly advance: (milliseconds: number) => void;
}

function createClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
  };
}

interface Scene {
  readonly upstream: Upstream;
  readonly gateway: TestGateway;
  readonly clock: Clock;
  readonly visitor: () => Visitor;
  /** A visitor who is signed in. */
  readonly as: (user: FixtureName) => Promise<Visitor>;
}

type Teardown = (end: () => Promise<void>) => void;

async function setScene(teardown: Teardown, config: Record<string, unknown> = {}): Promise<Scene> {
  const upstream = await startUpstream();
  const clock = createClock();
  const merged = { ...fixtures.plain, signIn: { throttle: { failures: 1000 } }, ...config };
  const gateway = await startTestGateway({
    config: JSON.parse(JSON.stringify(merged).replaceAll('{UP}', upstream.origin)) as Record<string, unknown>,
    users: usersFile(),
    now: clock.now,
  });
  teardown(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  const visitor = () => createVisitor(gateway.port, { host: 'app.test', scheme: 'https' });
  return {
    upstream,
    gateway,
    clock,
    visitor,
    as: async (user) => {
      const someone = visitor();
      const reply = await someone.signIn(user, passwordOf(user));
      if (someone.token() === null) throw new Error(`could not sign in ${user}: ${reply.status} ${reply.text}`);
      return someone;
    },
  };
}

/** Asks for /private with a session cookie of this value. */
function withToken(scene: Scene, token: string, name = '__Host-sallyport') {
  return sendTo(scene.gateway.port, '/private/x', {
    host: 'app.test',
    headers: { ...navigationHeaders, cookie: `${name}=${token}` },
  });
}

test('G127 sid-new: gives a new token at every sign-in, and the one before opens nothing', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const alice = scene.visitor();
  await alice.navigate('/private/x');
  await alice.navigate('/_auth/sign-in');
  t.is(alice.token(), null, 'nobody who is not signed in has a session');
  const before = new Map(alice.cookies);
  await alice.signIn('alice', passwordOf('alice'));
  const first = alice.token() ?? '';
  t.false([...before.values()].includes(first));
  await alice.signIn('alice', passwordOf('alice'));
  const second = alice.token() ?? '';
  t.not(first, second);
  t.is((await withToken(scene, first)).status, 302);
  t.is((await withToken(scene, second)).status, 200);
});

test('G128 sid-fix: never takes over a token that a visitor brings along', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  for (const chosen of ['A'.repeat(43), 'attacker-chosen', 'x']) {
    const victim = scene.visitor();
    victim.cookies.set('__Host-sallyport', chosen);
    const reply = await victim.signIn('alice', passwordOf('alice'));
    t.is(reply.status, 303, reply.text);
    t.not(victim.token(), chosen);
    t.regex(victim.token() ?? '', /^[A-Za-z0-9_-]{43}$/);
    t.is((await withToken(scene, chosen)).status, 302);
  }
});

test("G129 sid-preauth: a sign-in in a browser with another's form cookie is the visitor's own", async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const attacker = scene.visitor();
  await attacker.navigate('/_auth/sign-in?return_to=%2Fprivate%2Fplanted');
  const planted = new Map(attacker.cookies);
  const victim = scene.visitor();
  for (const [name, value] of planted) victim.cookies.set(name, value);
  const reply = await victim.signIn('alice', passwordOf('alice'), { returnTo: '/private/own' });
  t.is((reply.location ?? '').replace('https://app.test', ''), '/private/own');
  t.is((await victim.navigate('/private/x')).status, 200);
  t.is((await attacker.navigate('/private/x')).status, 302, 'what was planted opens nothing afterwards');
  // The attacker's form in the victim's browser signs nobody in.
  const other = scene.visitor();
  await other.navigate('/_auth/sign-in');
  const page = await attacker.navigate('/_auth/sign-in');
  const fields = [...page.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ]);
  const forced = await other.navigate('/_auth/sign-in', {
    method: 'POST',
    body: new URLSearchParams([
      ...(fields as [string, string][]),
      ['username', 'bob'],
      ['password', passwordOf('bob')],
    ]).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.test' },
  });
  t.is(forced.status, 403);
  t.is(other.token(), null);
});

test('G130 sid-entropy: every token is 256 bits of chance', async (t) => {
  t.timeout(100_000);
  const scene = await setScene((end) => t.teardown(end));
  const tokens: string[] = [];
  for (let batch = 0; batch < 8; batch += 1) {
    const visitors = await Promise.all(Array.from({ length: 8 }, () => scene.as('alice')));
    for (const visitor of visitors) tokens.push(visitor.token() ?? '');
  }
  t.is(new Set(tokens).size, tokens.length);
  for (const token of tokens) t.regex(token, /^[A-Za-z0-9_-]{43}$/);
  const bytes = tokens.map((token) => Buffer.from(token, 'base64url'));
  // Every bit of 64 tokens is set sometimes and clear sometimes; a wrong alarm has a chance of 2^-54.
  for (let bit = 0; bit < 256; bit += 1) {
    const set = bytes.filter((token) => ((token[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
    t.true(set > 0 && set < bytes.length, `bit ${bit} never changes`);
  }
  for (const place of [0, 5, 10, 20, 42]) t.true(new Set(tokens.map((token) => token[place])).size > 4);
});

test('G131 sid-hashed: the store holds neither a token nor what the session says', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-dump-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const scene = await setScene((end) => t.teardown(end), {
    store: { url: `sqlite:${join(folder, 'sessions.db')}` },
  });
  const zoe = await scene.as('zoe');
  const token = zoe.token() ?? '';
  t.is((await zoe.navigate('/private/x')).status, 200);
  let dump = '';
  for (const name of await readdir(folder)) dump += (await readFile(join(folder, name))).toString('latin1');
  t.true(dump.length > 1_000);
  for (const secret of [
    token,
    Buffer.from(token, 'base64url').toString('latin1'),
    Buffer.from(token, 'base64url').toString('hex'),
    passwordOf('zoe'),
    'zoe@example.test',
  ])
    t.false(dump.includes(secret), secret);
});

if (hasRedis)
  test('G131 sid-hashed: nor does Redis', async (t) => {
    const redis = await startRedis();
    t.teardown(redis.stop);
    const scene = await setScene((end) => t.teardown(end), { store: { url: redis.url } });
    const zoe = await scene.as('zoe');
    const keys = (await redis.command('KEYS *')).split('\r\n').filter((line) => line !== '' && !/^[*$+]/.test(line));
    t.true(keys.length > 0);
    let dump = keys.join('\n');
    for (const key of keys) dump += await redis.command(`GET ${key}`).catch(() => '');
    t.false(dump.includes(zoe.token() ?? 'none'));
    t.false(dump.includes('zoe@example.test'));
  });

test('G132 cookie-attrs: the cookie is bound to the host, to https, and hidden from scripts', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const line = (reply: { setCookies: readonly string[] }) =>
    reply.setCookies.find((cookie) => /^(__Host-|__Secure-)?sallyport=/.test(cookie)) ?? '';
  const attributes = (cookie: string) =>
    cookie
      .split(';')
      .slice(1)
      .map((part) => part.trim().toLowerCase());
  const reply = await scene.visitor().signIn('alice', passwordOf('alice'));
  const cookie = line(reply);
  t.true(cookie.startsWith('__Host-sallyport='));
  t.true(cookie.split(';')[0]!.length < 4_096);
  for (const attribute of ['secure', 'httponly', 'path=/', 'samesite=lax'])
    t.true(attributes(cookie).includes(attribute), cookie);
  t.false(/domain=|expires=|max-age=/i.test(cookie), 'lives as long as the browser');

  const remembered = line(await scene.visitor().signIn('alice', passwordOf('alice'), { remember: true }));
  const maxAge = Number(/max-age=(\d+)/i.exec(remembered)?.[1] ?? 0);
  t.true(maxAge > 29 * 86_400 && maxAge <= 30 * 86_400, remembered);

  const shared = await setScene((end) => t.teardown(end), fixtures.wildcards);
  const visitor = createVisitor(shared.gateway.port, { host: 'auth.example.test', scheme: 'https' });
  const sharedLine = line(await visitor.signIn('alice', passwordOf('alice')));
  t.true(sharedLine.startsWith('__Secure-sallyport='), sharedLine);
  for (const attribute of ['secure', 'httponly', 'path=/', 'samesite=lax', 'domain=example.test'])
    t.true(attributes(sharedLine).includes(attribute), sharedLine);
});

test('G133 cookie-toss: two different tokens in one request are both disbelieved and cleared', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const good = (await scene.as('alice')).token() ?? '';
  const bobs = (await scene.as('bob')).token() ?? '';
  const name = '__Host-sallyport';
  const pairs: (string | string[])[] = [
    `${name}=${'E'.repeat(43)}; ${name}=${good}`,
    `${name}=${good}; ${name}=${'E'.repeat(43)}`,
    `${name}=${good}; ${name}=${bobs}`,
    `${name}=; ${name}=${good}`,
    `${name}=EVIL; a=b; ${name}=${good}`,
    [`${name}=${'E'.repeat(43)}`, `${name}=${good}`],
    [`${name}=${good}`, `${name}=${bobs}`],
  ];
  for (const cookie of pairs) {
    const reply = await sendTo(scene.gateway.port, '/private/x', {
      host: 'app.test',
      headers: { ...navigationHeaders, cookie },
    });
    t.is(reply.status, 302, String(cookie));
    t.true(
      reply.setCookies.some((line) => line.startsWith(`${name}=;`)),
      'the browser is told to forget them',
    );
  }
  const twice = await sendTo(scene.gateway.port, '/private/x', {
    host: 'app.test',
    headers: { cookie: `${name}=${good}; ${name}=${good}` },
  });
  t.true([200, 401].includes(twice.status), 'the same one twice is no conflict');
});

test('G134 cookie-prefix: a cookie that only looks like ours is not ours', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const token = (await scene.as('alice')).token() ?? '';
  const name = '__Host-sallyport';
  for (const cookie of [
    `\u00e2\u0080\u0080${name}=${token}`,
    `=${name}=${token}`,
    `$Version=1; ${name}="${token}; y"`,
    `${name.toUpperCase()}=${token}`,
    `__host-sallyport=${token}`,
    `sallyport=${token}`,
    `__Secure-sallyport=${token}`,
    `${name}.0=${token}`,
    `${name}[]=${token}`,
    `%5f_Host-sallyport=${token}`,
    `${name} x=${token}`,
    `x${name}=${token}`,
    `a="; ${name}=${token}x"`,
    `${name}==${token}`,
    `${name}:${token}`,
  ]) {
    const reply = await sendTo(scene.gateway.port, '/private/x', {
      host: 'app.test',
      headers: { ...navigationHeaders, cookie },
    });
    t.true([302, 400].includes(reply.status), `${cookie}: ${reply.status}`);
  }
  t.is(scene.upstream.requests.length, 0);
});

test('G135 sid-tamper: a token that differs in any way opens nothing', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const token = (await scene.as('alice')).token() ?? '';
  const last = token[42] ?? '';
  const changed = [
    token.slice(1),
    token.slice(0, 42),
    `${token}A`,
    `A${token}`,
    `${token}=`,
    `${token}==`,
    `"${token}"`,
    `${token}%20`,
    encodeURIComponent(token).replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`),
    token.toLowerCase() === token ? token.toUpperCase() : token.toLowerCase(),
    Buffer.from(token, 'base64url').toString('base64'),
    Buffer.from(token, 'base64url').toString('hex'),
    // The last of 43 characters holds four bits only: its neighbours decode to the same 32 bytes.
    ...[1, 2, 3].map((step) => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      const index = alphabet.indexOf(last);
      return token.slice(0, 42) + alphabet[(index & ~3) | ((index + step) & 3)];
    }),
    ...[0, 10, 21, 41].map((at) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)),
  ];
  for (const value of changed) {
    const status = (await withToken(scene, value)).status;
    if (value === `"${token}"`) t.true([200, 302].includes(status), 'quotes around a value may count as syntax');
    else t.is(status, 302, value);
  }
  t.is((await withToken(scene, token)).status, 200);
});

test('G136 sid-keys: no value of the cookie means anything to the store', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  await scene.as('alice');
  const logsBefore = scene.gateway.logs().length;
  for (const value of [
    '__proto__',
    'constructor',
    'toString',
    '',
    '*',
    '%',
    '_'.repeat(43),
    '../x',
    '..%2fx',
    '%00',
    'sess:abc',
    'session:alice',
    'sallyport:session:x',
    "' OR '1'='1",
    'a'.repeat(4_000),
    '\u00f0\u009f\u0094\u0091',
    '{"user":"bob"}',
    'null',
    'undefined',
    '0',
  ]) {
    const reply = await withToken(scene, value);
    t.true([302, 400].includes(reply.status), `${value}: ${reply.status}`);
  }
  const errors = scene.gateway
    .logs()
    .slice(logsBefore)
    .filter((line) => /"level":"error"/.test(line));
  t.deepEqual(errors, []);
});

test('G137 idle: a session slides with every request and ends when none comes', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { session: { idleTimeout: '10m', lifetime: '12h' } });
  const alice = await scene.as('alice');
  const token = alice.token() ?? '';
  for (let round = 0; round < 4; round += 1) {
    scene.clock.advance(8 * 60_000);
    t.is((await withToken(scene, token)).status, 200, `after ${round + 1} times 8 minutes`);
  }
  scene.clock.advance(10 * 60_000 + 1_000);
  t.is((await withToken(scene, token)).status, 302);
});

test('G137 idle: a session with a limit of seconds slides too', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { session: { idleTimeout: '20s', lifetime: '1h' } });
  const token = (await scene.as('alice')).token() ?? '';
  for (let round = 0; round < 4; round += 1) {
    scene.clock.advance(10_000);
    t.is((await withToken(scene, token)).status, 200, `after ${round + 1} times 10 s`);
  }
  scene.clock.advance(21_000);
  t.is((await withToken(scene, token)).status, 302);
});

test('G138 absolute: a session ends at its limit however busy it is', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { session: { idleTimeout: '30m', lifetime: '1h' } });
  const token = (await scene.as('alice')).token() ?? '';
  for (let minutes = 0; minutes < 55; minutes += 5) {
    scene.clock.advance(5 * 60_000);
    t.is((await withToken(scene, token)).status, 200, `after ${minutes + 5} minutes`);
  }
  scene.clock.advance(5 * 60_000 + 1_000);
  t.is((await withToken(scene, token)).status, 302);
});

test('G138 absolute: an open WebSocket ends with its session, frames do not keep it alive', async (t) => {
  const scene = await setScene((end) => t.teardown(end), { session: { idleTimeout: '4s', lifetime: '5s' } });
  const alice = await scene.as('alice');
  const socket = await alice.openSocket('/ws');
  const chatter = setInterval(() => socket.send('still here'), 100);
  t.teardown(() => clearInterval(chatter));
  const closed = socketClosed(socket);
  await eventually('the socket is closed', () => socket.readyState === socket.CLOSED, { timeoutMs: 20_000 });
  t.true([1000, 1001, 1006, 1008].includes(await closed));
});

test.serial(
  'G139 timer-overflow: a lifetime of 400 days does not end at once, nor keep the processor busy',
  async (t) => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.name);
    process.on('warning', hear);
    t.teardown(() => void process.off('warning', hear));
    for (const lifetime of ['30d', '400d']) {
      const scene = await setScene((end) => t.teardown(end), { session: { idleTimeout: lifetime, lifetime } });
      const alice = await scene.as('alice');
      const socket = await alice.openSocket('/ws');
      t.is((await alice.navigate('/private/x')).status, 200);
      // Of this thread alone: other test files run in others.
      const before = process.threadCpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const used = process.threadCpuUsage(before);
      t.true((used.user + used.system) / 1_000 < 700, 'a timer runs wild');
      t.is((await alice.navigate('/private/x')).status, 200);
      t.is(socket.readyState, socket.OPEN);
      socket.terminate();
    }
    t.deepEqual(
      warnings.filter((name) => name === 'TimeoutOverflowWarning'),
      [],
    );
  },
);

const stores: Record<string, (teardown: Teardown) => Promise<string>> = {
  memory: () => Promise.resolve('memory:'),
  sqlite: async (teardown) => {
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-g-'));
    teardown(() => rm(folder, { recursive: true, force: true }));
    return `sqlite:${join(folder, 'sessions.db')}`;
  },
  ...(hasRedis && {
    redis: async (teardown: Teardown) => {
      const redis = await startRedis();
      teardown(redis.stop);
      return redis.url;
    },
  }),
};

for (const [kind, open] of Object.entries(stores)) {
  test(`G140 logout-kill: a token is dead after sign-out (${kind})`, async (t) => {
    const url = await open((end) => t.teardown(end));
    const scene = await setScene((end) => t.teardown(end), { store: { url } });
    const alice = await scene.as('alice');
    const token = alice.token() ?? '';
    t.is((await withToken(scene, token)).status, 200);
    const reply = await alice.signOut();
    t.true([200, 302, 303].includes(reply.status));
    t.is(alice.token(), null);
    for (let round = 0; round < 3; round += 1) t.is((await withToken(scene, token)).status, 302);
  });

  test(`G141 touch-race: requests under way at sign-out never bring the session back (${kind})`, async (t) => {
    const url = await open((end) => t.teardown(end));
    const scene = await setScene((end) => t.teardown(end), {
      store: { url },
      session: { idleTimeout: '10m', lifetime: '12h' },
    });
    for (let round = 0; round < 4; round += 1) {
      const alice = await scene.as('alice');
      const token = alice.token() ?? '';
      // So late that each of the requests wants to write the session anew.
      scene.clock.advance(2 * 60_000);
      // What is under way when its session ends may be cut off.
      const ask = () =>
        withToken(scene, token).then(
          (reply) => reply.status,
          () => 'cut',
        );
      const requests = Array.from({ length: 25 }, ask);
      const out = alice.signOut();
      const later = Array.from({ length: 25 }, ask);
      const statuses = await Promise.all([...requests, ...later]);
      t.true([200, 302, 303].includes((await out).status));
      t.true(statuses.every((status) => status === 'cut' || status === 200 || status === 302));
      t.is((await withToken(scene, token)).status, 302);
      scene.clock.advance(61_000);
      t.is((await withToken(scene, token)).status, 302);
    }
  });

  test(`G144 crosstalk: every request reaches the app under the name of its own cookie (${kind})`, async (t) => {
    const url = await open((end) => t.teardown(end));
    const scene = await setScene((end) => t.teardown(end), { store: { url } });
    const people = { alice: await scene.as('alice'), bob: await scene.as('bob') };
    const work: Promise<unknown>[] = [];
    for (let index = 0; index < 100; index += 1) {
      for (const [user, visitor] of Object.entries(people)) work.push(visitor.send(`/private/${user}/${index}`));
      if (index % 25 === 0) {
        // Sign-ins in between, so that caches turn over.
        work.push(scene.as('alice'), scene.as('bob'));
        await Promise.all(work.splice(0));
      }
    }
    await Promise.all(work);
    const seen = scene.upstream.requests.filter((request) => request.target.startsWith('/private/'));
    t.is(seen.length, 200);
    for (const request of seen) {
      const user = request.target.split('/')[2];
      const names = request.headers.filter(([name]) => name.toLowerCase() === 'remote-user').map(([, value]) => value);
      t.deepEqual(names, [user]);
    }
  });
}

test('G142 revoke-all: sessions of a user end within seconds when the users file says so', async (t) => {
  const { writeFile } = await import('node:fs/promises');
  for (const [what, changed] of Object.entries({
    disabled: { ...fixtureUsers, alice: { ...fixtureUsers.alice, disabled: true } },
    removed: Object.fromEntries(Object.entries(fixtureUsers).filter(([name]) => name !== 'alice')),
  })) {
    const scene = await setScene((end) => t.teardown(end));
    const first = await scene.as('alice');
    const second = await scene.as('alice');
    const bob = await scene.as('bob');
    t.is((await first.navigate('/private/x')).status, 200);
    await writeFile(join(scene.gateway.directory, 'users.yaml'), usersFile(changed));
    for (const visitor of [first, second])
      await eventually(`${what}: access is lost`, async () => (await visitor.navigate('/private/x')).status === 302);
    t.is((await bob.navigate('/private/x')).status, 200, 'nobody else is concerned');
  }
});

test('G145 sid-url: a token counts in the cookie only, and never shows up elsewhere', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const alice = await scene.as('alice');
  const token = alice.token() ?? '';
  for (const [path, headers] of [
    [`/private/x?sid=${token}`, {}],
    [`/private/x?sallyport=${token}`, {}],
    [`/private/x?__Host-sallyport=${token}`, {}],
    [`/private/x;sallyport=${token}`, {}],
    ['/private/x', { 'x-session': token }],
    ['/private/x', { 'x-sallyport-session': token, 'sallyport-session': token }],
    ['/private/x', { authorization: `Bearer ${token}` }],
    ['/private/x', { cookie: `sid=${token}; session=${token}` }],
  ] as const) {
    const reply = await sendTo(scene.gateway.port, path, { host: 'app.test', headers });
    t.true([401, 400].includes(reply.status), `${path} ${JSON.stringify(headers)}`);
  }
  for (const path of ['/private/x', '/admin/x', '/_auth/', '/_auth/sign-in', '/nowhere', '/_auth/userinfo']) {
    const reply = await alice.navigate(path);
    t.false(`${reply.location} ${reply.text} ${JSON.stringify(reply.headers)}`.includes(token), path);
  }
  t.false(scene.upstream.connections.some(({ bytes }) => bytes.includes(token)));
});

test('G146 clear-dead: a dead cookie is expired with the attributes that it was set with', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const alice = await scene.as('alice');
  const token = alice.token() ?? '';
  await alice.signOut();
  const reply = await withToken(scene, token);
  const line = reply.setCookies.find((cookie) => cookie.startsWith('__Host-sallyport=')) ?? '';
  t.regex(line, /^__Host-sallyport=;/);
  t.regex(line, /max-age=0|expires=Thu, 01 Jan 1970/i);
  for (const attribute of [/;\s*secure/i, /;\s*httponly/i, /;\s*path=\/(;|$)/i, /;\s*samesite=lax/i])
    t.regex(line, attribute);
  t.notRegex(line, /domain=/i);
  const program = await sendTo(scene.gateway.port, '/private/x', {
    host: 'app.test',
    headers: { cookie: `__Host-sallyport=${token}` },
  });
  t.true(program.setCookies.some((cookie) => cookie.startsWith('__Host-sallyport=;')));
});

test('G147 set-cookie-cache: nothing that a cache may keep carries a cookie of ours', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  for (const path of ['/public/asset.js', '/private/asset.js'])
    scene.upstream.script(path, (request) => ({
      kind: 'write',
      bytes: plainAnswer(request, ['Cache-Control: public, max-age=86400']),
    }));
  const alice = await scene.as('alice');
  scene.clock.advance(5 * 60_000);
  const replies = [
    await alice.send('/private/asset.js'),
    await alice.send('/public/asset.js'),
    await sendTo(scene.gateway.port, '/public/asset.js', {
      host: 'app.test',
      headers: { cookie: `__Host-sallyport=${'D'.repeat(43)}` },
    }),
  ];
  for (const reply of replies) {
    t.is(reply.status, 200);
    if (reply.setCookies.length > 0) t.regex(String(reply.headers['cache-control']), /private|no-store/);
    else t.is(reply.headers['cache-control'], 'public, max-age=86400');
  }
});

test('G150 anon-store: visitors who never sign in leave nothing behind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-anon-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'sessions.db');
  const scene = await setScene((end) => t.teardown(end), { store: { url: `sqlite:${file}` } });
  await scene.as('alice');
  const rows = () => {
    const database = new DatabaseSync(file, { readOnly: true });
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all();
    let count = 0;
    for (const { name } of tables)
      count += Number(database.prepare(`select count(*) as n from "${String(name)}"`).get()?.['n'] ?? 0);
    database.close();
    return count;
  };
  const before = rows();
  t.true(before > 0);
  for (let batch = 0; batch < 20; batch += 1)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        sendTo(scene.gateway.port, index % 2 === 0 ? '/private/x' : '/_auth/sign-in', {
          host: 'app.test',
          headers: {
            ...navigationHeaders,
            ...(index % 4 < 2 && { cookie: `__Host-sallyport=${String(batch * 20 + index).padStart(43, 'x')}` }),
          },
        }),
      ),
    );
  t.true(rows() <= before + 5, `${rows()} rows, ${before} before`);
});

test('G151 host-bind: a session of one host opens nothing at a host with a cookie of its own', async (t) => {
  const scene = await setScene((end) => t.teardown(end));
  const token = (await scene.as('alice')).token() ?? '';
  t.is((await withToken(scene, token)).status, 200);
  const elsewhere = await sendTo(scene.gateway.port, '/x', {
    host: 'other.test',
    headers: { ...navigationHeaders, cookie: `__Host-sallyport=${token}` },
  });
  t.is(elsewhere.status, 302);
  const there = createVisitor(scene.gateway.port, { host: 'other.test', scheme: 'https' });
  await there.signIn('alice', passwordOf('alice'));
  t.is((await there.navigate('/x')).status, 200, 'signing in there works');
  t.is((await withToken(scene, there.token() ?? '')).status, 302);
  t.is((await withToken(scene, token)).status, 200);
});
