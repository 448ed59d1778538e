import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { createGrounds, declareAttacks, loadAttacks, startGround } from '../support/attack-runner.ts';
import { poll, startTestGateway } from '../support/gateway.ts';
import { openRaw, sendRaw, valuesOf } from '../support/raw.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { trySignIn } from '../support/sign-in.ts';
import { fixtureUsers, passwordOf, usersFile } from '../support/users.ts';

const grounds = createGrounds();
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('c'), { grounds });

/** A pessimist's reading: everything decoded three times, slashes joined, parameters dropped, dots resolved, lower case. */
function canonical(target: string): string {
  let path = target.split(/[?#]/)[0] ?? '';
  for (let time = 0; time < 3; time += 1) {
    path = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  }
  path = path.split(/[?#]/)[0] ?? '';
  const segments: string[] = [];
  for (const segment of path.replaceAll('\\', '/').split('/')) {
    const bare = segment.replace(/;.*$/, '');
    if (bare === '..') segments.pop();
    else if (bare !== '' && bare !== '.') segments.push(bare);
  }
  return `/${segments.join('/')}`.toLowerCase();
}

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('admin', 'public', 'private', 'x', 'a.b', 'ADMIN', '%61dmin', 'aDm%49n') },
  { weight: 3, arbitrary: fc.constantFrom('/', '//', '%2f', '%5c', '\\', ';', ';x=1', '%3b', '?', '%3f', '#', '%23') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('.', '..', '%2e', '.%2E', '%252e', '%25', '%00', '%20', '%7f', '%c0%ae', '%ff', '%e9'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '|',
      '[',
      ']',
      '{',
      '}',
      '^',
      '`',
      '"',
      '<',
      '>',
      "'",
      '!',
      '$',
      '&',
      '*',
      '+',
      ',',
      '=',
      '@',
      ':',
      '~',
      '\xe9',
      '\xff',
    ),
  },
);
const path = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => `/${pieces.join('')}`);

test.serial(
  'C60 path-identity: what is accepted arrives byte for byte, and what a rule denies does not arrive at all',
  async (t) => {
    const ground = await grounds.get('denyAdmin');
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(path, async (target) => {
        const seen = ground.upstream.mark();
        const { answers } = await sendRaw(ground.gateway.port, `GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
        const [request] = seen.requests();
        const status = answers[0]?.status ?? 0;
        if (![200, 400, 401, 403, 404].includes(status)) throw new Error(`answered ${String(status)}`);
        if (request === undefined) {
          if (status === 200) throw new Error('200 without the upstream');
          return;
        }
        accepted += 1;
        if (request.target !== target) throw new Error(`arrived as ${request.target}`);
        if (/^\/admin(\/|$)/.test(canonical(target))) throw new Error('a denied path arrived');
      }),
      { numRuns: 1_500 },
    );
    t.true(accepted > 100, `only ${String(accepted)} accepted`);
  },
);

test.serial('C60 path-identity: ordinary odd paths are accepted', async (t) => {
  const ground = await grounds.get('denyAdmin');
  for (const target of [
    '/a|b',
    '/[x]',
    '/a//b',
    '/a%20b',
    '/%C3%A9',
    '/a;v=1/b',
    '/a:b@c',
    '/a%2Cb',
    '/x?a=//b/../c',
    '/a%7Eb',
    '/*',
    '/a.b/.c',
  ]) {
    const seen = ground.upstream.mark();
    const { answers } = await sendRaw(ground.gateway.port, `GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    t.is(answers[0]?.status, 200, target);
    t.is(seen.requests()[0]?.target, target);
  }
});

test.serial('C75 default-deny: configurations without a sound policy are refused', async (t) => {
  const upstream = 'http://127.0.0.1:1';
  for (const access of [
    [],
    'nobody',
    'open',
    [{}],
    [{ allow: [] }],
    [{ allow: {} }],
    [{ permit: 'anyone' }],
    [{ allow: 'everyone' }],
    [{ allow: 'anyone', when: { path: '/x' } }],
    [{ allow: 'anyone', when: { paths: [] } }],
    [{ allow: 'anyone', when: { paths: ['(a+)+$'] } }],
    [{ allow: 'anyone', when: { networks: ['10.0.0.0/33'] } }],
  ]) {
    const config = { server: { publicUrl: 'https://app.test' }, routes: [{ upstream, access }] };
    const started = await startTestGateway({ config, users: usersFile() }).catch((error: unknown) => error);
    t.true(started instanceof Error, JSON.stringify(access));
  }
});

test.serial('C78 group-exact: a group that only looks like admins is not it', async (t) => {
  for (const group of [
    'admins ',
    ' admins',
    'admins\t',
    'admins\u200b',
    'ａｄｍｉｎｓ',
    'admıns',
    'admins,users',
    'adm\u0131ns',
    '*',
    'admins/',
  ]) {
    const ground = await startGround('plain', { users: usersFile({ mallory: { groups: [group] } }) }).catch(() => null);
    if (ground === null) continue;
    const session = await ground.newSession('mallory').catch(() => null);
    if (session) {
      const { answers } = await sendRaw(
        ground.gateway.port,
        `GET /admin/x HTTP/1.1\r\nHost: app.test\r\nCookie: ${session.cookie}\r\n\r\n`,
      );
      t.is(answers[0]?.status, 403, JSON.stringify(group));
    }
    t.is(ground.upstream.byteCount(), 0);
    await ground.stop();
  }
  t.pass();
});

test.serial('C79 user-canon: a user has one name whatever was typed', async (t) => {
  const ground = await grounds.get();
  for (const user of ['Alice', 'ALICE', 'aLiCe', ' alice ', 'alice\t', '\u00a0alice', 'ａｌｉｃｅ']) {
    const answer = await trySignIn({ port: ground.gateway.port, user, password: passwordOf('alice') });
    const cookie = valuesOf(answer, 'set-cookie').find((line) => /^__Host-sallyport=[A-Za-z0-9_-]{43};/.test(line));
    if (cookie === undefined) continue;
    const seen = ground.upstream.mark();
    await sendRaw(
      ground.gateway.port,
      `GET /private/x HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie.split(';')[0]!}\r\n\r\n`,
    );
    t.deepEqual(valuesOf(seen.requests()[0]!, 'remote-user'), ['alice'], JSON.stringify(user));
  }
  const logged = ground.gateway.logs().filter((line) => /"(user|subject)":"(Alice|ALICE|aLiCe)"/.test(line));
  t.deepEqual(logged, []);
});

test.serial('C80 stale-authz: who loses a group, is disabled or deleted loses access in a live session', async (t) => {
  const ground = await startGround('plain');
  t.teardown(() => ground.stop());
  const file = join(ground.gateway.directory, 'users.yaml');
  const original = await readFile(file, 'utf8');
  const ask = async (path: string, cookie: string) =>
    (await sendRaw(ground.gateway.port, `GET ${path} HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\n\r\n`))
      .answers[0]?.status;

  const { cookie } = await ground.newSession('bob');
  t.is(await ask('/admin/x', cookie), 200);
  const socket = await openRaw(ground.gateway.port);
  t.teardown(() => socket.destroy());
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  t.is((await socket.answer()).status, 101);

  await writeFile(file, usersFile({ ...fixtureUsers, bob: { ...fixtureUsers.bob, groups: ['users'] } }));
  await poll(async () => (await ask('/admin/x', cookie)) === 403);
  t.is(await ask('/private/x', cookie), 200);

  await writeFile(file, usersFile({ ...fixtureUsers, bob: { ...fixtureUsers.bob, disabled: true } }));
  await poll(async () => (await ask('/private/x', cookie)) === 401);
  t.true(await socket.closed(), 'the live WebSocket is closed too');
  const loads = () => ground.gateway.logs().filter((line) => line.includes('users.loaded')).length;
  const before = loads();
  await writeFile(file, original);
  await poll(() => loads() > before);
  t.is(await ask('/admin/x', (await ground.newSession('bob')).cookie), 200);
  t.is(await ask('/private/x', cookie), 401, 'the old session does not come back with the user');

  const alice = await ground.newSession('alice');
  t.is(await ask('/private/x', alice.cookie), 200);
  const { alice: _gone, ...others } = fixtureUsers;
  await writeFile(file, usersFile(others));
  await poll(async () => (await ask('/private/x', alice.cookie)) === 401);
});

(hasRedis ? test.serial : test.serial.skip)(
  'C85 fail-closed: without its store the gateway opens nothing, and public routes go on',
  async (t) => {
    const redis = await startRedis();
    t.teardown(() => redis.stop());
    const ground = await startGround({
      server: { publicUrl: 'https://app.test' },
      store: { url: redis.url },
      routes: [
        { path: '/public', upstream: '{UP}', access: 'public' },
        { path: '/private', upstream: '{UP}' },
      ],
    });
    t.teardown(() => ground.stop());
    const { cookie } = await ground.session('alice');
    const ask = async (path: string, upgrade = false) => {
      const lines = upgrade
        ? 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
        : '';
      return (
        await sendRaw(
          ground.gateway.port,
          `GET ${path} HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\n${lines}\r\n`,
        )
      ).answers[0];
    };
    t.is((await ask('/private/x'))?.status, 200);
    await redis.halt();
    await poll(async () => (await ask('/private/x'))?.status === 503);
    const seen = ground.upstream.mark();
    const answer = await ask('/private/x');
    t.is(answer?.status, 503);
    t.true(valuesOf(answer!, 'retry-after').length === 1);
    t.is((await ask('/private/ws', true))?.status, 503);
    t.is(seen.bytes(), 0);
    t.is((await ask('/public/x'))?.status, 200);
    await redis.restart();
    await poll(async () => (await ask('/private/x'))?.status === 401);
  },
);
