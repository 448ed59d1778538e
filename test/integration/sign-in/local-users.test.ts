import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { poll, startTestGateway } from '../../support/gateway.ts';
import type { TestGateway } from '../../support/gateway.ts';
import { sendRaw, valueOf, valuesOf } from '../../support/raw.ts';
import { signIn, trySignIn } from '../../support/sign-in.ts';
import { startUpstream } from '../../support/upstream.ts';
import { passwordHashes, passwordOf } from '../../support/users.ts';

interface Users {
  readonly [user: string]: {
    readonly password?: string;
    readonly groups?: readonly string[];
    readonly disabled?: true;
  };
}

const textOf = (users: Users): string => JSON.stringify({ users });

const basicUsers: Users = {
  alice: { password: passwordHashes.alice, groups: ['users'] },
  bob: { password: passwordHashes.bob, groups: ['users'] },
  dave: { password: passwordHashes.dave, disabled: true },
};

async function start(t: ExecutionContext, users: Users = basicUsers) {
  const upstream = await startUpstream();
  const gateway = await startTestGateway({
    config: {
      server: { publicUrl: 'https://app.test' },
      signIn: { throttle: { failures: 3, within: '5m', lockFor: '10m' } },
      routes: [
        { id: 'git', host: 'app.test', path: '/git', upstream: upstream.origin, acceptBasic: true },
        {
          id: 'app',
          host: 'app.test',
          path: '/',
          upstream: upstream.origin,
          signOut: { clearCookies: ['JSESSIONID'] },
        },
      ],
    },
    users: textOf(users),
  });
  t.teardown(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  return { gateway, upstream };
}

async function get(gateway: TestGateway, path: string, headers: readonly string[] = []) {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: app.test', ...headers, 'Connection: close'];
  const { answers } = await sendRaw(gateway.port, `${lines.join('\r\n')}\r\n\r\n`);
  const [answer] = answers;
  if (!answer) throw new Error('no answer');
  return answer;
}

/** True once the gateway says 401. A request that is under way when its session ends is cut off, which is no answer yet. */
async function isRefused(gateway: TestGateway, cookie: string): Promise<boolean> {
  const answer = await get(gateway, '/x', [`Cookie: ${cookie}`]).catch(() => null);
  return answer?.status === 401;
}

const basic = (user: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function replaceUsers(gateway: TestGateway, users: Users): Promise<void> {
  const file = join(gateway.directory, 'users.yaml');
  await writeFile(`${file}.new`, textOf(users));
  await rename(`${file}.new`, file);
}

test('a user who is disabled or loses a group is heard of in a live session', async (t) => {
  const { gateway, upstream } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  const cookie = `Cookie: ${alice.cookie}`;
  t.is((await get(gateway, '/x', [cookie])).status, 200);
  t.is(upstream.requests.at(-1)?.headers.find(([name]) => /^remote-groups$/i.test(name))?.[1], 'users');
  await replaceUsers(gateway, { ...basicUsers, alice: { password: passwordHashes.alice, groups: ['readers'] } });
  await poll(async () => {
    await get(gateway, '/x', [cookie]);
    return upstream.requests.at(-1)?.headers.some(([, value]) => value === 'readers') ?? false;
  });
  await replaceUsers(gateway, { ...basicUsers, alice: { password: passwordHashes.alice, disabled: true } });
  await poll(() => isRefused(gateway, alice.cookie));
});

test('a bcrypt hash is renewed at the next sign-in, and the session that was there goes on', async (t) => {
  const password = 'an old password';
  const { gateway } = await start(t, { carol: { password: await bcrypt(password, 5) } });
  const first = await signIn({ port: gateway.port, user: 'carol', password });
  await poll(async () => (await readFile(join(gateway.directory, 'users.yaml'), 'utf8')).includes('$argon2id$'));
  await poll(() => gateway.logs().some((line) => line.includes('users.hash-renewed')));
  t.is((await get(gateway, '/x', [`Cookie: ${first.cookie}`])).status, 200);
  const second = await signIn({ port: gateway.port, user: 'carol', password });
  t.is((await get(gateway, '/x', [`Cookie: ${second.cookie}`])).status, 200);
  t.is((await get(gateway, '/x', [`Cookie: ${first.cookie}`])).status, 200);
});

test('another password ends the sessions of its user', async (t) => {
  const { gateway } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  const bob = await signIn({ port: gateway.port, user: 'bob', password: passwordOf('bob') });
  await replaceUsers(gateway, { ...basicUsers, alice: { password: passwordHashes.carol } });
  await poll(() => isRefused(gateway, alice.cookie));
  t.is((await get(gateway, '/x', [`Cookie: ${bob.cookie}`])).status, 200);
});

test('wrong password, unknown user and disabled user are answered alike', async (t) => {
  const { gateway } = await start(t);
  const shape = async (user: string, password: string) => {
    const answer = await trySignIn({ port: gateway.port, user, password });
    const body = answer.body
      .toString('utf8')
      .replaceAll(user, 'USER')
      .replace(/[A-Za-z0-9_-]{43}/g, 'TOKEN');
    const names = answer.headers.map(([name]) => name);
    return { status: answer.status, names, body: body.replace(/\s+/g, ' ') };
  };
  const wrong = await shape('alice', 'wrong');
  t.is(wrong.status, 401);
  t.deepEqual(await shape('nobody', 'wrong'), wrong);
  t.deepEqual(await shape('dave', passwordOf('dave')), wrong);
});

test('the form and Basic share one count, and a lock leaves a live session alone', async (t) => {
  const { gateway } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  await trySignIn({ port: gateway.port, user: 'ALICE', password: 'wrong' });
  t.is((await get(gateway, '/git/x', [basic('alice', 'wrong')])).status, 401);
  await trySignIn({ port: gateway.port, user: 'alice', password: 'wrong' });
  const locked = await trySignIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  t.is(locked.status, 429);
  t.true(Number(valueOf(locked, 'retry-after')) > 0);
  const program = await get(gateway, '/git/x', [basic('alice', passwordOf('alice'))]);
  t.is(program.status, 429);
  t.true(Number(valueOf(program, 'retry-after')) > 0);
  t.is((await get(gateway, '/x', [`Cookie: ${alice.cookie}`])).status, 200);
});

test('Basic signs in where a route accepts it, wins over the cookie, and does not arrive', async (t) => {
  const { gateway, upstream } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  const cookie = `Cookie: ${alice.cookie}`;
  t.is((await get(gateway, '/git/x', [cookie, basic('Bob', passwordOf('bob'))])).status, 200);
  const seen = upstream.requests.at(-1)?.headers ?? [];
  t.deepEqual(
    seen.filter(([name]) => /^(remote-user|authorization|cookie)$/i.test(name)),
    [['Remote-User', 'bob']],
  );
  const wrong = await get(gateway, '/git/x', [cookie, basic('bob', 'wrong')]);
  t.is(wrong.status, 401);
  t.regex(valuesOf(wrong, 'www-authenticate').join(), /Basic realm=/);
  t.is((await get(gateway, '/x', [basic('bob', passwordOf('bob'))])).status, 401, 'not on other routes');
});

test("another user's sign-in in the same browser ends the first session and the app's own cookies", async (t) => {
  const { gateway } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  t.false(valuesOf(alice.answer, 'set-cookie').some((line) => line.startsWith('JSESSIONID=')));
  const again = await signIn({
    port: gateway.port,
    user: 'alice',
    password: passwordOf('alice'),
    cookies: alice.cookie,
  });
  t.false(valuesOf(again.answer, 'set-cookie').some((line) => line.startsWith('JSESSIONID=')));
  const bob = await signIn({ port: gateway.port, user: 'bob', password: passwordOf('bob'), cookies: again.cookie });
  t.true(valuesOf(bob.answer, 'set-cookie').some((line) => /^JSESSIONID=;.*Max-Age=0/.test(line)));
  t.is(new Set([alice.token, again.token, bob.token]).size, 3);
  for (const old of [alice, again]) t.is((await get(gateway, '/x', [`Cookie: ${old.cookie}`])).status, 401);
  t.is((await get(gateway, '/x', [`Cookie: ${bob.cookie}`])).status, 200);
});

test('no password, token or form token stands in the log', async (t) => {
  const { gateway } = await start(t);
  const alice = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice') });
  await trySignIn({ port: gateway.port, user: 'alice', password: 'a-wrong-password' });
  await get(gateway, '/git/x', [basic('bob', passwordOf('bob'))]);
  const log = gateway.logs().join('\n');
  for (const secret of [alice.token, passwordOf('alice'), 'a-wrong-password', passwordOf('bob'), passwordHashes.alice])
    t.false(log.includes(secret));
  for (const event of ['sign-in.succeeded', 'sign-in.failed']) t.true(log.includes(event), event);
});
