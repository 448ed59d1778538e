import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import { readSecureOptions } from '../../../src/upstream/secure.ts';
import { createUpstreamStates } from '../../../src/upstream/upstream-states.ts';
import { makeDirectory } from '../../support/temporary.ts';
import {
  eventually,
  exchange,
  get,
  listen,
  realTime,
  request,
  routeTo,
  startForwarder,
  startUpgrader,
  values,
} from './support.ts';

type Handle = (incoming: IncomingMessage, response: ServerResponse) => void;

interface App {
  /** `unix:…`: nothing else will listen there while it is down. */
  readonly url: string;
  readonly requests: string[];
  /** Answers with its own name by default. */
  handle: Handle;
  readonly up: () => Promise<void>;
  readonly down: () => Promise<void>;
}

/** An app on a unix socket that can go away and come back. */
async function makeApp(t: ExecutionContext, name: string): Promise<App> {
  const path = join(await makeDirectory(t), 'app.sock');
  let server: Server | null = null;
  const app: App = {
    url: `unix:${path}`,
    requests: [],
    handle: (_incoming, response) => response.end(name),
    up: async () => {
      const made = createServer((incoming, response) => {
        let body = '';
        incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
        incoming.on('end', () => {
          app.requests.push(`${incoming.method} ${incoming.url}${body === '' ? '' : ` ${body}`}`);
          app.handle(incoming, response);
        });
      });
      const webSockets = new WebSocketServer({ server: made });
      webSockets.on('connection', (client) => client.send(name));
      server = made;
      await new Promise<void>((resolve) => made.listen(path, resolve));
    },
    down: async () => {
      const gone = server;
      server = null;
      if (gone === null) return;
      await new Promise<void>((resolve) => {
        gone.close(() => resolve());
        gone.closeAllConnections();
      });
    },
  };
  t.teardown(app.down);
  return app;
}

async function startApps(t: ExecutionContext, ...names: readonly string[]): Promise<App[]> {
  const apps = await Promise.all(names.map((name) => makeApp(t, name)));
  await Promise.all(apps.map((app) => app.up()));
  return apps;
}

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

/** The bodies of so many answers, one after the other, each letter once with its count: `a6 b2`. */
async function tally(port: number, count: number): Promise<string> {
  const counts = new Map<string, number>();
  for (let number = 0; number < count; number += 1) {
    const body = bodyOf(await get(port, '/'));
    const name = /^[0-9a-f]+\r\n(.*)\r\n0\r\n\r\n$/s.exec(body)?.[1] ?? body;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort()
    .map(([name, times]) => `${name}${times}`)
    .join(' ');
}

test('spreads requests by weight', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  const gateway = await startForwarder(t, routeTo([{ url: a!.url, weight: 3 }, b!.url]));
  t.is(await tally(gateway.port, 8), 'a6 b2');
});

test('sends what could not be sent to another target, body and all, and nobody notices', async (t) => {
  const [a] = await startApps(t, 'a');
  const gone = await makeApp(t, 'gone');
  const runtime = realTime();
  const gateway = await startForwarder(t, routeTo({ targets: [gone.url, a!.url], ejection: { for: '1m' } }), {
    runtime,
  });
  for (let number = 0; number < 6; number += 1)
    t.regex(
      await exchange(gateway.port, request('POST', `/${number}`, ['Content-Length: 5'], 'hello')),
      /^HTTP\/1\.1 200 /,
    );
  t.deepEqual(
    a!.requests,
    ['0', '1', '2', '3', '4', '5'].map((number) => `POST /${number} hello`),
  );
  t.deepEqual(
    runtime.lines.map(({ event, fields }) => `${event} ${String(fields['target'])}`),
    [`upstream.target-down ${gone.url}`],
  );
});

test('a body of which nobody asked for a byte is invited once, by the target that takes it', async (t) => {
  const [a] = await startApps(t, 'a');
  const gone = await makeApp(t, 'gone');
  const gateway = await startForwarder(t, routeTo([gone.url, a!.url]));
  const head = request('PUT', '/x', ['Content-Length: 5', 'Expect: 100-continue']);
  const answer = await exchange(gateway.port, `${head}hello`);
  t.is(answer.split('100 Continue').length, 2);
  t.regex(answer, /HTTP\/1\.1 200 /);
  t.deepEqual(a!.requests, ['PUT /x hello']);
});

test('tries every target once, then gives up with 502', async (t) => {
  const apps = await Promise.all(['a', 'b', 'c'].map((name) => makeApp(t, name)));
  const gateway = await startForwarder(t, routeTo(apps.map(({ url }) => url)));
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 502 /);
  // Also once all of them are ejected: the least bad is still tried, and found when it comes back.
  for (let number = 0; number < 3; number += 1) await get(gateway.port, '/');
  await apps[1]!.up();
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 200 /);
  t.is(await tally(gateway.port, 4), 'b4');
});

test('a TLS handshake that never ends counts as no connection: the next target is tried', async (t) => {
  const connections = [0, 0];
  const ports = await Promise.all(
    connections.map((_, index) =>
      listen(
        t,
        createTcpServer(() => (connections[index]! += 1)),
      ),
    ),
  );
  const targets = ports.map((port) => `https://127.0.0.1:${port}`);
  const gateway = await startForwarder(t, routeTo({ targets, timeouts: { connect: '100ms' } }));
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 504 [^]*upstream-timeout/);
  t.deepEqual(connections, [1, 1]);
});

test('never repeats what a target may have seen, except a question on a stale connection', async (t) => {
  const [b] = await startApps(t, 'b');
  const seen: string[] = [];
  const resetting = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      seen.push(chunk.toString('latin1').split(' ', 1)[0] ?? '');
      socket.resetAndDestroy();
    });
  });
  const port = await listen(t, resetting);
  const gateway = await startForwarder(t, routeTo([`http://127.0.0.1:${port}`, b!.url]));
  t.regex(await exchange(gateway.port, request('POST', '/x', ['Content-Length: 1'], 'x')), /^HTTP\/1\.1 502 /);
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 200 /);
  t.regex(await get(gateway.port, '/'), /^HTTP\/1\.1 502 /);
  t.deepEqual(seen, ['POST', 'GET']);
  t.deepEqual(b!.requests, ['GET /']);
});

test('a GET that met the hang-up of its kept-alive connection goes to the other target when this one is gone', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  const gateway = await startForwarder(t, routeTo([a!.url, b!.url]));
  t.is(await tally(gateway.port, 2), 'a1 b1');
  await a!.down();
  t.is(await tally(gateway.port, 4), 'b4');
});

test('a target that hangs is answered for with 504, and left alone after three', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  a!.handle = () => undefined;
  const gateway = await startForwarder(
    t,
    routeTo({ targets: [a!.url, b!.url], timeouts: { firstByte: '50ms' }, ejection: { for: '1m' } }),
  );
  const statuses: string[] = [];
  for (let number = 0; number < 12; number += 1) statuses.push((await get(gateway.port, '/')).slice(9, 12));
  t.is(statuses.filter((status) => status === '504').length, 3);
  t.is(a!.requests.length, 3);
  t.is(b!.requests.length, 9);
});

test('an ejected target gets its share again when its time is over', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  await a!.down();
  const ejection = { failures: 1, for: '300ms' };
  const gateway = await startForwarder(t, routeTo({ targets: [a!.url, b!.url], ejection }));
  t.is(await tally(gateway.port, 4), 'b4');
  await a!.up();
  while (a!.requests.length === 0) await get(gateway.port, '/');
  t.is(await tally(gateway.port, 4), 'a2 b2');
});

test('health checks take a target out and bring it back', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  let sick = false;
  const asked: string[] = [];
  a!.handle = (incoming, response) => {
    if (incoming.url === '/healthz?deep') asked.push(`${incoming.headers.host} ${incoming.headers['user-agent']}`);
    response.writeHead(sick && incoming.url === '/healthz?deep' ? 503 : 200).end('a');
  };
  const healthCheck = { path: '/healthz?deep', host: 'app.test', interval: '100ms', status: 200 };
  const runtime = realTime();
  const gateway = await startForwarder(t, routeTo({ targets: [a!.url, b!.url], healthCheck }), { runtime });
  t.is(await tally(gateway.port, 4), 'a2 b2');
  sick = true;
  await eventually(() => runtime.lines.length === 1, 'the target is down');
  t.is(await tally(gateway.port, 4), 'b4');
  sick = false;
  await eventually(() => runtime.lines.length === 2, 'the target is up');
  t.is(await tally(gateway.port, 4), 'a2 b2');
  t.is(asked[0], 'app.test Sallyport health check');
  t.deepEqual(
    runtime.lines.map(({ event, fields }) => [event, fields['reason'], fields['failure']]),
    [
      ['upstream.target-down', 'health-check', 'answered with status 503'],
      ['upstream.target-up', 'health-check', undefined],
    ],
  );
});

test('a health check fails when nobody answers in time, or nobody is there; nothing healthy is still tried', async (t) => {
  const [a] = await startApps(t, 'a');
  const gone = await makeApp(t, 'gone');
  a!.handle = (incoming, response) => void (incoming.url === '/up' || response.end('a'));
  const healthCheck = { path: '/up', interval: '100ms', timeout: '50ms', unhealthyAfter: 1 };
  const runtime = realTime();
  const gateway = await startForwarder(t, routeTo({ targets: [a!.url, gone.url], healthCheck }), { runtime });
  await eventually(() => runtime.lines.length === 2, 'both are down');
  const failures = new Map(runtime.lines.map(({ fields }) => [fields['target'], fields['failure']]));
  t.is(failures.get(a!.url), 'did not answer within 50 ms');
  t.is(failures.get(gone.url), 'could not be asked (ENOENT)');
  t.is(await tally(gateway.port, 3), 'a3');
});

test('prefers the target with the fewest requests under way, tunnels included', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  const held: ServerResponse[] = [];
  a!.handle = (_incoming, response) => held.push(response);
  const gateway = await startForwarder(t, routeTo({ targets: [a!.url, b!.url], balance: 'least-connections' }));
  const waiting = get(gateway.port, '/slow');
  await eventually(() => held.length === 1);
  t.is(await tally(gateway.port, 5), 'b5');
  held[0]!.end('a');
  t.regex(await waiting, /200 OK/);
});

test('keeps a visitor without a session at one target by a cookie, which no target sees', async (t) => {
  const apps = await startApps(t, 'a', 'b', 'c', 'd');
  const cookies: (string | undefined)[] = [];
  for (const app of apps) {
    const { handle } = app;
    app.handle = (incoming, response) => {
      cookies.push(incoming.headers.cookie);
      response.setHeader('Set-Cookie', ['gw-target=planted', 'app=1']);
      handle(incoming, response);
    };
  }
  const route = routeTo({ targets: apps.map(({ url }) => url), balance: 'sticky' });
  const gateway = await startForwarder(t, route, { visitor: null });
  const homes = new Set<string>();
  for (let visitor = 0; visitor < 8; visitor += 1) {
    const first = await get(gateway.port, '/');
    const [cookie = '', ...others] = values(first, 'set-cookie').filter((value) => value.startsWith('gw-target='));
    t.regex(cookie, /^gw-target=[A-Za-z0-9_-]{22}$/);
    t.deepEqual(others, []);
    t.deepEqual(values(first, 'cache-control'), ['private']);
    const home = bodyOf(first);
    homes.add(home);
    for (let number = 0; number < 3; number += 1) {
      const again = await get(gateway.port, '/', `Cookie: x=1; ${cookie}`);
      t.is(bodyOf(again), home);
      t.deepEqual(values(again, 'set-cookie'), ['app=1']);
    }
  }
  t.true(homes.size > 1);
  t.deepEqual([...new Set(cookies)], [undefined, 'x=1']);
});

test('a visitor whose target is lost moves, the others stay, and both are where they were when it is back', async (t) => {
  const apps = await startApps(t, 'a', 'b', 'c');
  const ejection = { failures: 1, for: '200ms' };
  const route = routeTo({ targets: apps.map(({ url }) => url), balance: 'sticky', ejection });
  const gateway = await startForwarder(t, route, { visitor: null });
  const cookies = Array.from({ length: 12 }, (_, index) => `Cookie: gw-target=${String(index).padStart(22, 'v')}`);
  const homesOf = () => Promise.all(cookies.map(async (cookie) => bodyOf(await get(gateway.port, '/', cookie))));
  const before = await homesOf();
  await apps[0]!.down();
  const without = await homesOf();
  for (const [index, home] of before.entries())
    if (/a/.test(home)) t.notRegex(without[index]!, /a/);
    else t.is(without[index], home);
  await apps[0]!.up();
  const mine = cookies[before.findIndex((home) => /a/.test(home))]!;
  const seen = apps[0]!.requests.length;
  while (apps[0]!.requests.length === seen) await get(gateway.port, '/', mine);
  t.deepEqual(await homesOf(), before);
});

test('no more requests than allowed are under way; the others wait their turn, and leave the queue with their visitor', async (t) => {
  const [a] = await startApps(t, 'a');
  const held: ServerResponse[] = [];
  let most = 0;
  a!.handle = (_incoming, response) => {
    held.push(response);
    most = Math.max(most, held.filter(({ writableEnded }) => !writableEnded).length);
  };
  const gateway = await startForwarder(t, routeTo({ targets: a!.url, maxConnections: 2, queue: { length: 3 } }));
  const first = [get(gateway.port, '/1'), get(gateway.port, '/2')];
  await eventually(() => held.length === 2);
  const impatient = connect(gateway.port, '127.0.0.1');
  impatient.on('error', () => undefined);
  impatient.write(request('GET', '/3'));
  await eventually(() => gateway.handles.length === 3);
  const fourth = get(gateway.port, '/4');
  await eventually(() => gateway.handles.length === 4);
  const fifth = get(gateway.port, '/5');
  await eventually(() => gateway.handles.length === 5);
  t.regex(await get(gateway.port, '/6'), /^HTTP\/1\.1 503 [^]*refused upstream-busy/);
  impatient.destroy();
  await eventually(() => gateway.outcomes.some(({ kind }) => kind === 'client-gone'));
  held[0]!.end('1');
  await eventually(() => held.length === 3);
  held[1]!.end('2');
  await eventually(() => held.length === 4);
  for (const response of held.slice(2)) response.end('later');
  for (const answer of await Promise.all([...first, fourth, fifth])) t.regex(answer, /^HTTP\/1\.1 200 /);
  t.deepEqual(a!.requests, ['GET /1', 'GET /2', 'GET /4', 'GET /5']);
  t.is(most, 2);
});

test('who has waited too long for a target is told so', async (t) => {
  const [a] = await startApps(t, 'a');
  const held: ServerResponse[] = [];
  a!.handle = (_incoming, response) => held.push(response);
  const gateway = await startForwarder(t, routeTo({ targets: a!.url, maxConnections: 1, queue: { wait: '50ms' } }));
  const first = get(gateway.port, '/1');
  await eventually(() => held.length === 1);
  t.regex(await get(gateway.port, '/2'), /^HTTP\/1\.1 503 /);
  held[0]!.end('1');
  t.regex(await first, /^HTTP\/1\.1 200 /);
  t.deepEqual(a!.requests, ['GET /1']);
});

async function firstWord(port: number): Promise<{ readonly word: string; readonly client: WebSocket }> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  const word = await new Promise<string>((resolve, reject) => {
    client.once('message', (data) => resolve((data as Buffer).toString()));
    client.once('error', reject);
  });
  return { word, client };
}

test('WebSockets find a target as requests do: in turn, past what is down, within the cap', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  const gone = await makeApp(t, 'gone');
  const targets = [gone.url, a!.url, b!.url];
  const gateway = await startUpgrader(t, routeTo({ targets, maxConnections: 2, queue: { wait: '50ms' } }));
  const clients = await Promise.all(Array.from({ length: 4 }, () => firstWord(gateway.port)));
  t.deepEqual(clients.map(({ word }) => word).sort(), ['a', 'a', 'b', 'b']);
  await t.throwsAsync(firstWord(gateway.port), { message: /503/ });
  clients[0]!.client.terminate();
  await eventually(() => gateway.outcomes.some(({ kind }) => kind === 'tunnelled'));
  const next = await firstWord(gateway.port);
  t.is(next.word, clients[0]!.word);
  for (const { client } of [...clients, next]) client.terminate();
  await eventually(() => gateway.outcomes.length === 6);
});

test('a WebSocket for which there is no target gets a 502, and none that was seen is asked for again', async (t) => {
  const gone = await Promise.all([makeApp(t, 'a'), makeApp(t, 'b')]);
  const lost = await startUpgrader(t, routeTo(gone.map(({ url }) => url)));
  await t.throwsAsync(firstWord(lost.port), { message: /502/ });

  const [b] = await startApps(t, 'b');
  let asked = 0;
  const resetting = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      asked += 1;
      socket.resetAndDestroy();
    });
  });
  const port = await listen(t, resetting);
  const gateway = await startUpgrader(t, routeTo([`http://127.0.0.1:${port}`, b!.url]));
  await t.throwsAsync(firstWord(gateway.port), { message: /502/ });
  t.is(asked, 1);
});

test('an answer in which nothing moves for the idle time is cut, and so is a tunnel', async (t) => {
  const [a] = await startApps(t, 'a');
  a!.handle = (_incoming, response) => void response.writeHead(200, { 'Content-Length': 10 }).write('half');
  const route = routeTo({ targets: a!.url, timeouts: { idle: '100ms' } });
  const gateway = await startForwarder(t, route);
  t.regex(await get(gateway.port, '/'), /\r\n\r\nhalf$/);
  t.like(gateway.outcomes, [{ kind: 'failed', responseStarted: true, error: { code: 'upstream-timeout' } }]);
  const upgrades = await startUpgrader(t, route);
  const { client } = await firstWord(upgrades.port);
  t.is(await new Promise((resolve) => client.once('close', resolve)), 1001);
  await eventually(() => upgrades.outcomes.length === 1);
});

test('a configuration that comes to nothing asks nobody and stops nobody from asking', async (t) => {
  const [a, b] = await startApps(t, 'a', 'b');
  const runtime = realTime();
  const upstreams = createUpstreamStates(runtime);
  t.teardown(upstreams.stop);
  const healthCheck = { path: '/up', interval: '100ms' };
  const secureOf = readSecureOptions([]);
  upstreams.plan([routeTo({ targets: a!.url, healthCheck })], secureOf).takeOver();
  upstreams.plan([routeTo({ targets: b!.url, healthCheck })], secureOf);
  upstreams.plan([], secureOf);
  await eventually(() => a!.requests.length > 2, 'the first is asked on');
  t.deepEqual(b!.requests, []);
  t.is(upstreams.figures().length, 1);
});

test('a health check speaks the protocol of its upstream', async (t) => {
  const asked: string[] = [];
  let status = 200;
  const server = createHttp2Server((incoming, response) => {
    asked.push(`${incoming.httpVersion} ${incoming.url}`);
    response.writeHead(incoming.url === '/up' ? status : 200).end('a');
  });
  const port = await listen(t, server);
  const healthCheck = { path: '/up', interval: '100ms', unhealthyAfter: 1, healthyAfter: 1 };
  const runtime = realTime();
  const targets = `http://127.0.0.1:${port}`;
  const gateway = await startForwarder(t, routeTo({ targets, healthCheck, http2: true }), { runtime });
  await eventually(() => asked.length > 2);
  t.is(await tally(gateway.port, 1), 'a1');
  status = 500;
  await eventually(() => runtime.lines.length === 1, 'the target is down');
  t.is(runtime.lines[0]?.fields['failure'], 'answered with status 500');
  status = 200;
  await eventually(() => runtime.lines.length === 2, 'the target is up');
  t.deepEqual([...new Set(asked)].sort(), ['2.0 /', '2.0 /up']);
});

test('over HTTP/2 too, what could not be sent goes to another target', async (t) => {
  const gone = await makeApp(t, 'gone');
  const server = createHttp2Server((incoming, response) => {
    incoming.resume();
    incoming.on('end', () => response.end('b'));
  });
  const targets = [gone.url, `http://127.0.0.1:${await listen(t, server)}`];
  const gateway = await startForwarder(t, routeTo({ targets, http2: true }));
  for (let number = 0; number < 4; number += 1)
    t.regex(await exchange(gateway.port, request('POST', '/', ['Content-Length: 1'], 'x')), /^HTTP\/1\.1 200 /);
});
