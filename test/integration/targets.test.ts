import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { spawnTestGateway, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { createVisitor, navigationHeaders, sendTo } from '../support/visitor.ts';

// Several targets behind one route, with everything around them: sign-in, reload, metrics, workers.
const password = 'correct horse battery staple';

interface App {
  readonly origin: string;
  readonly cookies: (string | undefined)[];
  handle: (incoming: IncomingMessage, response: ServerResponse) => void;
}

async function startApp(t: ExecutionContext, name: string): Promise<App> {
  const cookies: (string | undefined)[] = [];
  const server = createServer((incoming, response) => {
    cookies.push(incoming.headers.cookie);
    app.handle(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const app: App = { origin: `http://127.0.0.1:${port}`, cookies, handle: (_incoming, response) => response.end(name) };
  return app;
}

async function startGateway(t: ExecutionContext, routes: readonly object[], publicUrl?: string): Promise<TestGateway> {
  const gateway = await startTestGateway({
    config: configOf(routes, publicUrl),
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  t.teardown(gateway.stop);
  return gateway;
}

const configOf = (routes: readonly object[], publicUrl?: string) => ({
  ...(publicUrl === undefined ? {} : { server: { publicUrl } }),
  routes,
});

const textOf = async (port: number, path: string): Promise<string> => (await sendTo(port, path)).text;

test('a session keeps its target on every path of the route, public ones too, without another cookie', async (t) => {
  const apps = await Promise.all(['a', 'b', 'c', 'd'].map((name) => startApp(t, name)));
  const upstream = { targets: apps.map(({ origin }) => origin), balance: 'sticky' };
  const access = [{ allow: 'anyone', when: { paths: '/public/**' } }, { allow: 'signed-in' }];
  const gateway = await startGateway(t, [{ id: 'app', upstream, access }]);
  for (let person = 0; person < 4; person += 1) {
    const alice = createVisitor(gateway.port);
    await alice.signIn('alice', password);
    const home = (await alice.navigate('/x')).text;
    for (const path of ['/x', '/public/x', '/y', '/public/y']) {
      const reply = await alice.navigate(path);
      t.is(reply.text, home);
      t.deepEqual(reply.setCookies, []);
    }
  }
  t.true(apps.flatMap(({ cookies }) => cookies).every((cookie) => cookie === undefined));
});

test('a visitor without a session keeps their target by a cookie that no script reads and no app sees', async (t) => {
  const apps = await Promise.all(['a', 'b', 'c'].map((name) => startApp(t, name)));
  const upstream = { targets: apps.map(({ origin }) => origin), balance: 'sticky' };
  const gateway = await startGateway(t, [{ id: 'app', upstream, access: 'public' }], 'https://app.test');
  const [cookie = ''] = (await sendTo(gateway.port, '/', { host: 'app.test' })).setCookies;
  t.regex(cookie, /^__Host-sallyport-target=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const [pair = ''] = cookie.split(';');
  const homes = new Set<string>();
  for (let number = 0; number < 6; number += 1) {
    const reply = await sendTo(gateway.port, '/', { host: 'app.test', headers: { cookie: `x=1; ${pair}` } });
    homes.add(reply.text);
    t.deepEqual(reply.setCookies, []);
  }
  t.is(homes.size, 1);
  // What nobody could have got from us does not stick.
  const planted = { cookie: '__Host-sallyport-target=../../x' };
  t.is((await sendTo(gateway.port, '/', { host: 'app.test', headers: planted })).setCookies.length, 1);
  t.deepEqual([...new Set(apps.flatMap(({ cookies }) => cookies))].sort(), ['x=1', undefined]);
});

test('says that the app is busy with 503 and when to come back, to people and programs', async (t) => {
  const app = await startApp(t, 'a');
  const held: ServerResponse[] = [];
  app.handle = (_incoming, response) => held.push(response);
  const upstream = { targets: app.origin, maxConnections: 1, queue: { length: 0, wait: '3s' } };
  const gateway = await startGateway(t, [{ id: 'app', title: 'Wiki', upstream, access: 'public' }]);
  const first = sendTo(gateway.port, '/');
  await eventually('it is held', () => held.length === 1);
  const program = await sendTo(gateway.port, '/');
  t.is(program.status, 503);
  t.is(program.headers['retry-after'], '3');
  t.like(JSON.parse(program.text), { status: 503, reason: 'upstream-busy' });
  const person = await sendTo(gateway.port, '/', { headers: navigationHeaders });
  t.is(person.status, 503);
  t.is(person.headers['retry-after'], '3');
  t.regex(person.text, /Wiki<\/bdi> is busy|Wiki is busy/);
  t.false(person.text.includes(app.origin));
  await t.throwsAsync(createVisitor(gateway.port).openSocket('/ws'), { message: /503/ });
  held[0]!.end('done');
  t.is((await first).text, 'done');
});

test('O280 up-slow: 504 with the request id after the time that the route allows, and nothing of the upstream', async (t) => {
  const app = await startApp(t, 'a');
  app.handle = () => undefined;
  const upstream = { targets: app.origin, timeouts: { firstByte: '100ms' } };
  const gateway = await startGateway(t, [{ id: 'app', upstream, access: 'public' }]);
  const reply = await sendTo(gateway.port, '/');
  t.is(reply.status, 504);
  t.like(JSON.parse(reply.text), { reason: 'upstream-slow' });
  t.regex(reply.text, /"requestId":"[\w-]+"/);
  t.false(reply.text.includes(new URL(app.origin).port));
});

test('a reload keeps what is known of targets that stay, and asks those that are gone no more', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => startApp(t, name)));
  const asked = { a: 0, b: 0 };
  a!.handle = (incoming, response) => {
    if (incoming.url === '/up') asked.a += 1;
    response.writeHead(incoming.url === '/up' ? 500 : 200).end('a');
  };
  b!.handle = (incoming, response) => {
    if (incoming.url === '/up') asked.b += 1;
    response.end('b');
  };
  const route = (targets: readonly (App | undefined)[], unhealthyAfter: number) => ({
    id: 'app',
    access: 'public',
    upstream: {
      targets: targets.map((app) => app!.origin),
      healthCheck: { path: '/up', interval: '100ms', unhealthyAfter },
    },
  });
  const gateway = await startGateway(t, [route([a, b], 1)]);
  const healthOf = async (): Promise<string> => (await sendTo(gateway.adminPort, '/readyz?verbose')).text;
  await eventually('a is down', async () => (await healthOf()).includes(`app ${a!.origin} down`));
  t.is(await healthOf(), `ready\napp ${a!.origin} down\napp ${b!.origin} up\n`);
  t.is((await sendTo(gateway.adminPort, '/readyz')).text, 'ready\n');
  // So many failures in a row will not come while the test runs: what holds now is from before.
  await gateway.reload(configOf([route([a, c], 100)]));
  t.is(await healthOf(), `ready\napp ${a!.origin} down\napp ${c!.origin} up\n`);
  for (let number = 0; number < 4; number += 1) t.is(await textOf(gateway.port, '/'), 'c');
  const before = { ...asked };
  await eventually('a is asked on', () => asked.a > before.a + 1);
  t.true(asked.b <= before.b + 1);
  // Without a check nothing is known against it any more.
  await gateway.reload(configOf([{ id: 'app', access: 'public', upstream: [a!.origin, c!.origin] }]));
  t.is(await healthOf(), `ready\napp ${a!.origin} up\napp ${c!.origin} up\n`);
});

test('a reload leaves who waits for a target, and what has one, where they are', async (t) => {
  const app = await startApp(t, 'a');
  const held: (() => void)[] = [];
  app.handle = (incoming, response) => held.push(() => response.end(incoming.url));
  const upstream = { targets: app.origin, maxConnections: 1, queue: { wait: '1m' } };
  const route = { id: 'app', access: 'public', upstream };
  const gateway = await startGateway(t, [route]);
  const first = sendTo(gateway.port, '/1');
  await eventually('one is held', () => held.length === 1);
  const second = sendTo(gateway.port, '/2');
  await delay(20);
  await gateway.reload(configOf([{ ...route, title: 'Other' }]));
  const third = sendTo(gateway.port, '/3');
  await delay(20);
  t.is(held.length, 1);
  for (const number of [1, 2, 3]) {
    await eventually(`${number} is held`, () => held.length === number);
    held[number - 1]!();
  }
  t.deepEqual(
    (await Promise.all([first, second, third])).map(({ text }) => text),
    ['/1', '/2', '/3'],
  );
});

test('metrics tell of every target of upstreams with several, over all workers', async (t) => {
  t.timeout(100_000);
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startApp(t, name)));
  const gone = 'unix:/nowhere/app.sock';
  const gateway = await spawnTestGateway({
    config: {
      server: { workers: 2 },
      store: { url: 'sqlite:./sallyport.db' },
      routes: [
        {
          id: 'app',
          path: '/',
          access: 'public',
          upstream: { targets: [a!.origin, gone], ejection: { failures: 1, for: '1h', longest: '1h' } },
        },
        { id: 'plain', path: '/plain', access: 'public', upstream: b!.origin },
      ],
    },
    users: '{ users: {} }',
  });
  t.teardown(gateway.stop);
  for (let number = 0; number < 20; number += 1) t.is(await textOf(gateway.port, '/'), 'a');
  t.is(await textOf(gateway.port, '/plain'), 'b');
  const { text } = await sendTo(gateway.adminPort, '/metrics');
  const valueOf = (name: string, target: string): number | undefined => {
    const line = text
      .split('\n')
      .find((entry) => entry.startsWith(`sallyport_upstream_${name}{route="app",target="${target}"}`));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  t.is(valueOf('up', a!.origin), 1);
  t.is(valueOf('up', gone), 0);
  t.is(valueOf('requests_total', a!.origin), 20);
  t.is(valueOf('requests_under_way', a!.origin), 0);
  t.is(valueOf('failures_total', a!.origin), 0);
  // Each worker finds out for itself.
  const ejections = valueOf('ejections_total', gone) ?? 0;
  t.true(ejections >= 1 && ejections <= 2);
  t.is(valueOf('failures_total', gone), ejections);
  t.notRegex(text, /sallyport_upstream_[a-z_]+\{route="plain"/);
  t.is((await sendTo(gateway.adminPort, '/readyz?verbose')).text, `ready\napp ${a!.origin} up\napp ${gone} down\n`);
});
