import test from 'ava';
import { poll, spawnTestGateway, startTestGateway } from '../support/gateway.ts';
import { openRaw, sendRaw, valueOf, valuesOf } from '../support/raw.ts';
import { fetchSignInForm, signIn } from '../support/sign-in.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { passwordOf, usersFile } from '../support/users.ts';

const configOf = (upstream: Upstream, title: string) => ({
  server: { publicUrl: 'https://app.test' },
  routes: [
    { id: 'public', title, host: 'app.test', path: '/public', upstream: upstream.origin, access: 'public' },
    { id: 'basic', host: 'app.test', path: '/basic', upstream: upstream.origin, acceptBasic: true },
  ],
});

async function openStream(port: number) {
  const client = await openRaw(port);
  client.write('GET /public/events HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until((bytes) => bytes.includes('data: 1'));
  return client;
}

function scriptStream(upstream: Upstream): void {
  upstream.script('/public/events', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n');
    return { kind: 'taken' };
  });
}

test('a stream that runs on holds up no reload and is not cut by one', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  scriptStream(upstream);
  const gateway = await startTestGateway({ config: configOf(upstream, 'One'), users: usersFile() });
  t.teardown(gateway.stop);
  const client = await openStream(gateway.port);
  t.teardown(client.destroy);
  for (const title of ['Two', 'Three']) {
    const reloaded = await Promise.race([
      gateway.reload(configOf(upstream, title)).then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 5_000, false)),
    ]);
    t.true(reloaded);
  }
  t.false(client.isClosed());
});

test('a request whose password is being compared while the configuration changes is served', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  const gateway = await startTestGateway({ config: configOf(upstream, 'One'), users: usersFile() });
  t.teardown(gateway.stop);
  // Now there is a connection to the upstream that the reload may close.
  await sendRaw(gateway.port, 'GET /public/x HTTP/1.1\r\nHost: app.test\r\n\r\n');
  // So many that the last still wait for their turn at the hash.
  const asking = (['alice', 'bob', 'carol', 'erin', 'frank', 'grace', 'heidi', 'zoe'] as const).map((user) => {
    const basic = Buffer.from(`${user}:${passwordOf(user)}`).toString('base64');
    const request = `GET /basic/x HTTP/1.1\r\nHost: app.test\r\nAuthorization: Basic ${basic}\r\n\r\n`;
    return sendRaw(gateway.port, request);
  });
  await gateway.reload(configOf(upstream, 'Two'));
  const statuses = (await Promise.all(asking)).map(({ answers }) => answers[0]?.status);
  t.deepEqual(new Set(statuses), new Set([200]));
});

test('SIGTERM after a reload ends the process though a stream runs on', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  scriptStream(upstream);
  const gateway = await spawnTestGateway({ config: configOf(upstream, 'One'), users: usersFile() });
  t.teardown(gateway.stop);
  const client = await openStream(gateway.port);
  t.teardown(client.destroy);
  await gateway.reload(configOf(upstream, 'Two'));
  await poll(() => gateway.logs().some((line) => line.includes('config.reloaded')));
  gateway.signal('SIGTERM');
  await poll(() => gateway.exit() !== null, 8_000);
  t.is(gateway.exit(), 0);
});

test('a stream lives through a reload after its rule has run out of time, and dies with its right', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  upstream.script('/fresh/events', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n');
    return { kind: 'taken' };
  });
  const configFor = (users: readonly string[]) => ({
    server: { publicUrl: 'https://app.test' },
    routes: [
      {
        id: 'fresh',
        host: 'app.test',
        upstream: upstream.origin,
        access: [{ allow: { users }, require: { signedInWithin: '15m' } }],
      },
    ],
  });
  let aheadMs = 0;
  const now = () => Date.now() + aheadMs;
  const gateway = await startTestGateway({ config: configFor(['alice', 'bob']), users: usersFile(), now });
  t.teardown(gateway.stop);
  const open = async (user: 'alice' | 'bob') => {
    const { cookie } = await signIn({ port: gateway.port, user, password: passwordOf(user) });
    const client = await openRaw(gateway.port);
    t.teardown(client.destroy);
    client.write(`GET /fresh/events HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\n\r\n`);
    await client.until((bytes) => bytes.includes('data: 1'));
    return client;
  };
  const [alice, bob] = [await open('alice'), await open('bob')];
  aheadMs = 20 * 60_000;
  await gateway.reload(configFor(['alice']));
  t.true(await bob.closed());
  t.false(alice.isClosed());
});

test('settings that need a restart stay whole until then, and are told of', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  const { routes } = configOf(upstream, 'One');
  const plain = { server: { publicUrl: 'http://app.test' }, routes };
  const gateway = await startTestGateway({ config: plain, users: usersFile() });
  t.teardown(gateway.stop);
  const secure = { server: { publicUrl: 'https://auth.test' }, session: { cookie: { domain: 'auth.test' } }, routes };
  await gateway.reload(secure);
  // A browser keeps no cookie marked Secure that came over http.
  const { answer } = await signIn({ port: gateway.port, user: 'alice', password: passwordOf('alice'), scheme: 'http' });
  const form = await fetchSignInForm({ port: gateway.port });
  for (const line of [...valuesOf(answer, 'set-cookie'), ...valuesOf(form.page, 'set-cookie')])
    t.notRegex(line, /secure|domain/i);
  const challenge = await sendRaw(gateway.port, 'GET /basic/x HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\n\r\n');
  t.regex(valueOf(challenge.answers[0] ?? answer, 'location') ?? '', /^http:\/\/app\.test\/_auth\/sign-in\?/);
  t.true(gateway.logs().some((line) => line.includes('config.needs-restart')));
});
