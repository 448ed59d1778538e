import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { SessionView } from '../../src/session/view.ts';
import { listenAdmin } from '../../src/admin/listener.ts';
import { canonicalUserName } from '../../src/identity/user-name.ts';
import { createSessionStore } from '../../src/session/store.ts';
import { openStore } from '../../src/store/open.ts';
import { runCommand } from '../support/command.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { freePort } from '../support/programs.ts';
import { makeDirectory } from '../support/temporary.ts';

function view(id: string, over: Partial<SessionView> = {}): SessionView {
  return {
    id: id.padEnd(43, 'x'),
    user: 'ann',
    method: 'local',
    address: '192.0.2.1',
    userAgent: 'Firefox',
    createdAt: '2026-11-22T10:00:00.000Z',
    lastSeenAt: '2026-11-22T11:00:00.000Z',
    expiresAt: '2026-11-22T22:00:00.000Z',
    remembered: false,
    ...over,
  };
}

const sessions = [
  view('aaaa1'),
  view('aaaa2', { user: 'bob', lastSeenAt: '2026-11-22T12:34:00.000Z', userAgent: 'evil \u001b[31m\u202e' }),
  view('-bbb3', { user: 'bob' }),
];

/** What the gateway's admin listener does about sessions, and a configuration that names it. */
async function setUp(t: ExecutionContext, { listen = 'tcp' }: { listen?: 'tcp' | 'unix' } = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const url = new URL(request.url ?? '/', 'http://admin.test');
    const user = url.searchParams.get('user');
    const id = url.pathname.slice('/sessions/'.length);
    const chosen = sessions.filter((session) =>
      id === '' ? user === null || session.user === user : session.id === id,
    );
    response.setHeader('Content-Type', 'application/json');
    response.statusCode = id !== '' && chosen.length === 0 ? 404 : 200;
    response.end(JSON.stringify(request.method === 'GET' ? { sessions: chosen } : { ended: chosen.length }));
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const cwd = await makeDirectory(t);
  const socket = join(cwd, 'admin.sock');
  await new Promise<void>((resolve) =>
    listen === 'unix' ? server.listen(socket, resolve) : server.listen(0, '127.0.0.1', resolve),
  );
  const address = listen === 'unix' ? `unix:./admin.sock` : `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(
    join(cwd, 'x.yaml'),
    `admin: { listen: '${address}' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`,
  );
  return { asked, run: (...args: string[]) => runCommand(['session', ...args, '--config', 'x.yaml'], { cwd }), cwd };
}

test('lists sessions, the last used first, without letting a browser name write to the terminal', async (t) => {
  const { run } = await setUp(t);
  const { code, stdout } = await run('list');
  t.is(code, 0);
  const lines = stdout.trimEnd().split('\n');
  t.regex(lines[0]!, /^ID +USER +METHOD +ADDRESS +SIGNED IN +LAST SEEN +ENDS +BROWSER$/);
  t.regex(
    lines[1]!,
    /^aaaa2xxxxxxx +bob +local +192\.0\.2\.1 +2026-11-22 10:00Z +2026-11-22 12:34Z .* evil \?\[31m\?$/,
  );
  t.is(lines.length, 4);
});

test('lists the sessions of one user by the canonical name, also as JSON', async (t) => {
  const { asked, run } = await setUp(t);
  const { code, stdout } = await run('list', '--user', 'BOB', '--json');
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), { sessions: sessions.slice(1) });
  t.deepEqual(asked, ['GET /sessions?user=bob']);
  t.is((await run('list', '--user', 'nobody')).stderr, 'no live sessions\n');
});

test('asks over a unix socket too', async (t) => {
  const { run } = await setUp(t, { listen: 'unix' });
  t.is((await run('list')).code, 0);
});

test('ends one session by its ID or the beginning of it', async (t) => {
  const { asked, run } = await setUp(t);
  t.deepEqual(await run('revoke', 'aaaa2'), { code: 0, stdout: 'ended 1 session\n', stderr: '' });
  t.is(asked.at(-1), `DELETE /sessions/${sessions[1]!.id}`);
  t.is((await run('revoke', sessions[0]!.id)).stdout, 'ended 1 session\n');
});

test('ends a session whose ID begins with a dash', async (t) => {
  const { cwd } = await setUp(t);
  const run = await runCommand(['session', 'revoke', '--config', 'x.yaml', '--', '-bbb'], { cwd });
  t.deepEqual(run, { code: 0, stdout: 'ended 1 session\n', stderr: '' });
});

test('ends all sessions of a user, or of everybody', async (t) => {
  const { asked, run } = await setUp(t);
  t.is((await run('revoke', '--user', 'Bob')).stdout, 'ended 2 sessions\n');
  t.is((await run('revoke', '--all')).stdout, 'ended 3 sessions\n');
  t.deepEqual(asked, ['DELETE /sessions?user=bob', 'DELETE /sessions?all=true']);
});

test('ends nothing when it is not clear what', async (t) => {
  const { asked, run } = await setUp(t);
  const wrong = [[], ['aaaa1', '--all'], ['--user', 'bob', '--all'], ['aaa'], ['a/../b'], ['--user', ' '], ['aaaa']];
  for (const args of wrong) {
    const { code, stderr } = await run('revoke', ...args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, /^sallyport: \S/, args.join(' '));
  }
  t.deepEqual(
    asked.filter((line) => line.startsWith('DELETE')),
    [],
  );
});

test('fails when no session has the ID', async (t) => {
  const { run } = await setUp(t);
  for (const id of ['zzzz', 'z'.repeat(43)]) {
    const { code, stderr } = await run('revoke', id);
    t.is(code, 1);
    t.regex(stderr, /^sallyport: no live session has/);
  }
});

test('says what to do when the listener is off, has no fixed port, is not there, or is something else', async (t) => {
  const cwd = await makeDirectory(t);
  const listWith = async (listen: string) => {
    await writeFile(
      join(cwd, 'x.yaml'),
      `admin: { listen: '${listen}' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`,
    );
    return runCommand(['session', 'list', '--config', 'x.yaml'], { cwd });
  };
  const off = await listWith('off');
  t.is(off.code, 2);
  t.regex(off.stderr, /admin\.listen is off.*write admin\.listen: 127\.0\.0\.1:9090/);
  t.is((await listWith('127.0.0.1:0')).code, 2);
  for (const listen of [`127.0.0.1:${await freePort()}`, `unix:${join(cwd, 'nothing.sock')}`]) {
    const gone = await listWith(listen);
    t.is(gone.code, 1);
    t.regex(gone.stderr, /^sallyport: could not ask the gateway at .*: nobody listens there; is it running/);
  }
  const stranger = createServer((_, response) => response.writeHead(404).end('<h1>Not found</h1>'));
  t.teardown(() => stranger.close());
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const other = await listWith(`127.0.0.1:${(stranger.address() as AddressInfo).port}`);
  t.is(other.code, 1);
  t.regex(other.stderr, /it answered 404; is this the admin listener\?/);
});

for (const kind of ['tcp', 'unix'] as const) {
  test(`ends real sessions through a real admin listener on ${kind}`, async (t) => {
    const cwd = await makeDirectory(t);
    const runtime = createTestRuntime();
    const secret = Buffer.alloc(32, 3);
    const store = await openStore({ url: 'memory:', secret, runtime });
    t.teardown(() => store.close());
    const lifetimes = { idleTimeoutMs: 60_000, lifetimeMs: 60_000, rememberForMs: 0 };
    const live = createSessionStore({ store, secret, config: lifetimes, runtime });
    const signIn = (user: string) => {
      const identity = {
        user,
        name: '',
        email: '',
        groups: [],
        claims: {},
        method: 'local',
        issuer: 'local',
        subject: user,
      };
      return live.create({
        identity,
        site: 'app.test',
        remembered: false,
        amr: ['pwd'],
        address: '::1',
        userAgent: '',
        credential: '',
      });
    };
    const [ann, bob] = [await signIn('ann'), await signIn('bob')];
    const path = join(cwd, 'admin.sock');
    const listener = await listenAdmin(kind === 'unix' ? { path } : { host: '127.0.0.1', port: 0 }, {
      sessions: live,
      tokens: { listAll: async function* () {}, end: async () => null },
      auditToken: () => undefined,
      keys: { list: async () => [], rotate: async () => [] },
      metrics: async () => ({ contentType: 'text/plain', text: '' }),
      ready: async () => undefined,
      releaseName: async () => false,
      canonicalUserName,
      audit: () => undefined,
      log: runtime.log,
    });
    t.teardown(() => listener.close());
    const listen = typeof listener.address === 'string' ? `unix:${path}` : `127.0.0.1:${listener.address.port}`;
    await writeFile(
      join(cwd, 'x.yaml'),
      `admin: { listen: '${listen}' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`,
    );
    const run = (...args: string[]) =>
      runCommand(['session', ...args.slice(0, 1), '--config', 'x.yaml', ...args.slice(1)], { cwd });

    t.is((await run('list')).stdout.trimEnd().split('\n').length, 3);
    t.is((await run('revoke', '--', ann.session.id)).stdout, 'ended 1 session\n');
    t.is(await live.find(ann.token), null);
    const again = await run('revoke', '--', ann.session.id);
    t.is(again.code, 1);
    t.regex(again.stderr, /no live session has that ID/);
    t.is((await run('revoke', '--user', 'BOB')).stdout, 'ended 1 session\n');
    t.is(await live.find(bob.token), null);
    t.is((await run('revoke', '--all')).stdout, 'ended 0 sessions\n');
  });
}
