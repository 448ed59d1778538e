import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { sallyport } from '../support/cli.ts';
import { fixtures } from '../support/fixture.ts';
import { spawnTestGateway } from '../support/gateway.ts';
import type { SpawnedGateway } from '../support/gateway.ts';
import { eventually } from '../support/programs.ts';
import { sendRaw } from '../support/raw.ts';
import { startUpstream } from '../support/upstream.ts';
import type { Upstream } from '../support/upstream.ts';
import { passwordOf, usersFile } from '../support/users.ts';
import { createVisitor, readForm, sendTo } from '../support/visitor.ts';
import type { Visitor } from '../support/visitor.ts';

// Group P: logs, metrics and configuration give nothing away and take nothing in.

type Teardown = (end: () => Promise<void>) => void;

interface Scene {
  readonly upstream: Upstream;
  readonly gateway: SpawnedGateway;
  readonly visitor: () => Visitor;
  /** Log lines as objects; throws for a line that is none. */
  readonly events: () => Record<string, unknown>[];
}

async function setScene(teardown: Teardown, config: Record<string, unknown> = {}): Promise<Scene> {
  const upstream = await startUpstream();
  const merged = {
    ...fixtures.plain,
    store: { url: 'sqlite:./state/sallyport.db', secret: undefined },
    log: { level: 'debug', access: true },
    ...config,
  };
  const gateway = await spawnTestGateway({
    config: JSON.parse(JSON.stringify(merged).replaceAll('{UP}', upstream.origin)) as Record<string, unknown>,
    users: usersFile(),
  });
  teardown(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  return {
    upstream,
    gateway,
    visitor: () => createVisitor(gateway.port, { host: 'app.test', scheme: 'https' }),
    events: () =>
      gateway
        .logs()
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** The event's name: what the log calls its message. */
const nameOf = (event: Record<string, unknown>): string => String(event['event'] ?? event['msg']);

test('P287 log-inject: whatever a visitor sends, an event stays one line', async (t) => {
  t.timeout(100_000);
  const { gateway, visitor, events } = await setScene((end) => t.teardown(end));
  const before = gateway.logs().length;
  const hostile = [
    'x\r\n{"level":"info","event":"forged"}',
    '\u001b[31mred\u001b[0m\u001b]0;title\u0007',
    'line\u2028separator\u2029end',
    '\u0000\u0001\u007f\u0085\u009b31m',
    'q'.repeat(10_000),
    '"}{"event":"forged"',
    '\ufffe\uffff',
  ];
  for (const text of hostile) {
    await visitor().signIn(text, 'wrong');
    await visitor().navigate(`/_auth/sign-in?return_to=${encodeURIComponent(text)}`);
    const bytes = Buffer.from(text)
      .toString('latin1')
      .replaceAll(/[\r\n\0]/g, '')
      .slice(0, 6_000);
    for (const head of [
      `GET /public/${encodeURIComponent(text).slice(0, 6_000)} HTTP/1.1\r\nHost: app.test\r\n`,
      `GET /public/x HTTP/1.1\r\nHost: app.test\r\nUser-Agent: ${bytes}\r\n`,
      `GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: ${bytes}\r\nX-Request-Id: ${bytes}\r\n`,
      `GET /public/x HTTP/1.1\r\nHost: ${bytes.slice(0, 200)}\r\n`,
      `${bytes.slice(0, 20)} / HTTP/1.1\r\nHost: app.test\r\n`,
    ])
      await sendRaw(gateway.port, `${head}Connection: close\r\n\r\n`, { untilClosed: true });
  }
  await eventually('the last request is logged', () => gateway.logs().length > before + hostile.length);
  const lines = gateway.logs().slice(before);
  for (const line of lines) {
    t.notThrows(() => JSON.parse(line) as unknown, line.slice(0, 300));
    t.notRegex(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u, line.slice(0, 300));
    t.true(line.length < 16_384, `a line of ${line.length} characters`);
  }
  t.deepEqual(
    events().filter((event) => nameOf(event) === 'forged'),
    [],
  );
});

test('P288 log-secrets: no secret is ever logged, at debug level either', async (t) => {
  t.timeout(100_000);
  const { gateway, visitor, events, upstream } = await setScene((end) => t.teardown(end));
  const secrets = new Map<string, string>();
  const note = (what: string, value: string | null | undefined) => {
    if (value != null && value !== '') secrets.set(what, value);
  };
  const remember = (who: string, someone: Visitor) => {
    for (const [name, value] of someone.cookies) note(`${who}'s cookie ${name}`, value);
  };
  upstream.script('/private/down', () => ({ kind: 'drop' }));

  const alice = visitor();
  const form = readForm((await alice.navigate('/_auth/sign-in?return_to=%2Fprivate%2Fx')).text);
  for (const [name, value] of form?.hidden ?? []) if (name !== 'return_to') note(`form field ${name}`, value);
  remember('alice', alice);
  note('a wrong password', 'wr0ng-secret-password-1');
  await alice.signIn('alice', 'wr0ng-secret-password-1');
  await alice.signIn('alice', passwordOf('alice'));
  note("alice's password", passwordOf('alice'));
  note("alice's password, encoded", encodeURIComponent(passwordOf('alice')));
  remember('alice', alice);
  await alice.navigate('/private/x?secret=query-secret-123');
  note('a query', 'query-secret-123');
  await alice.navigate('/admin/x');
  await alice.navigate('/private/down');
  const socket = await alice.openSocket('/ws');
  socket.terminate();
  note('another cookie', 'app-cookie-secret-77');
  await alice.send('/private/x', {
    headers: { cookie: `app=app-cookie-secret-77; ${alice.tokenName()}=${alice.token()}` },
  });
  note('a bearer token', 'bearer-secret-5566');
  await alice.send('/private/x', { headers: { authorization: 'Bearer bearer-secret-5566' } });
  const basic = Buffer.from(`alice:${passwordOf('alice')}`).toString('base64');
  note('Basic', basic);
  await sendTo(gateway.port, '/basic/x', { host: 'app.test', headers: { authorization: `Basic ${basic}` } });
  note('wrong Basic', Buffer.from('alice:wr0ng-basic-password').toString('base64'));
  note('a wrong Basic password', 'wr0ng-basic-password');
  await sendTo(gateway.port, '/basic/x', {
    host: 'app.test',
    headers: { authorization: `Basic ${Buffer.from('alice:wr0ng-basic-password').toString('base64')}` },
  });
  // What cannot be read at all must not be quoted either.
  note('a cookie in an unreadable request', 'unreadable-cookie-9988');
  await sendRaw(
    gateway.port,
    `GET /private/..%2f HTTP/1.1\r\nHost: app.test\r\nCookie: a=unreadable-cookie-9988\r\n\r\n`,
    { untilClosed: true },
  );
  await sendRaw(
    gateway.port,
    `GET / HTTP/1.1\r\nHost: app.test\r\nCookie: a=unreadable-cookie-9988\r\nbad header\r\n\r\n`,
    { untilClosed: true },
  );
  note('a tossed cookie', 'T'.repeat(43));
  await sendTo(gateway.port, '/private/x', {
    host: 'app.test',
    headers: { cookie: `${alice.tokenName()}=${'T'.repeat(43)}; ${alice.tokenName()}=${alice.token()}` },
  });
  note('a user name that is a password', 'my-password-in-the-wrong-field');
  await visitor().signIn('my-password-in-the-wrong-field', 'x');
  await alice.signOut();
  await gateway.reload({ ...fixtures.plain, routes: [] });
  for (const name of await readdir(join(gateway.directory, 'state')))
    if (!/\.db/.test(name))
      note(`file ${name}`, (await readFile(join(gateway.directory, 'state', name), 'utf8')).trim());
  for (const hash of usersFile().match(/\$argon2id\$\S+/g) ?? []) note(`hash ${hash.slice(-6)}`, hash);

  await eventually('the sign-out is logged', () => events().some((event) => nameOf(event) === 'session.ended'));
  t.true(events().length > 15, 'the story left a log');
  t.true(secrets.size > 12);
  const log = gateway.logs().join('\n');
  for (const [what, secret] of secrets) {
    if (what === 'a user name that is a password') continue;
    t.false(log.includes(secret), what);
  }
});

test('P289 log-audit: what an auditor asks for leaves one event with time, user, address and request', async (t) => {
  t.timeout(100_000);
  const { gateway, visitor, events, upstream } = await setScene((end) => t.teardown(end), {
    signIn: { throttle: { failures: 2 } },
  });
  const audited = (name: RegExp) => events().filter((event) => event['audit'] === true && name.test(nameOf(event)));
  const told = async (what: string, name: RegExp, fields: Record<string, RegExp>, act: () => Promise<unknown>) => {
    const before = audited(name).length;
    await act();
    await eventually(what, () => audited(name).length > before);
    const fresh = audited(name).slice(before);
    // A file may be read while it is being written, and once more afterwards.
    if (!/reload|users/.test(what)) t.is(fresh.length, 1, `${what}: ${JSON.stringify(fresh)}`);
    const event = fresh[0] ?? {};
    t.regex(event['time'] as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, `${what}: time`);
    for (const [field, value] of Object.entries(fields)) t.regex(String(event[field]), value, `${what}: ${field}`);
  };
  const request = { address: /^127\.0\.0\.1$/, requestId: /^\S{8,}$/ };
  const alice = visitor();
  await told('a sign-in', /^sign-in\.succeeded$/, { ...request, user: /^alice$/ }, () =>
    alice.signIn('alice', passwordOf('alice')),
  );
  await told('a failed sign-in', /^sign-in\.failed$/, { ...request, user: /^bob$/ }, () =>
    visitor().signIn('bob', 'wrong'),
  );
  await visitor().signIn('bob', 'wrong');
  await told('a throttled sign-in', /^sign-in\.throttled$/, { ...request, user: /^bob$/ }, () =>
    visitor().signIn('bob', 'wrong'),
  );
  await told('a refusal', /^access\.denied$/, { ...request, user: /^alice$/, route: /^admin$/ }, () =>
    alice.navigate('/admin/x'),
  );
  await told('a sign-out', /^session\.ended$/, { ...request, user: /^alice$/, reason: /^signed-out$/ }, () =>
    alice.signOut(),
  );
  const config = JSON.parse(JSON.stringify(fixtures.plain).replaceAll('{UP}', upstream.origin)) as Record<
    string,
    unknown
  >;
  await told('a reload', /^config\.reloaded$/, {}, () => gateway.reload({ ...config, theme: { title: 'Other' } }));
  await told('a refused reload', /^config\.refused$/, {}, () =>
    gateway.reload({ ...config, theme: { titel: 'Other' } }),
  );
  await told('a change of users', /^users\.reloaded$/, {}, () =>
    writeFile(join(gateway.directory, 'users.yaml'), usersFile({ alice: { groups: ['users'] } })),
  );
});

test('P290 metrics: the public side tells only that it lives; metrics name nobody', async (t) => {
  t.timeout(100_000);
  const { gateway, visitor } = await setScene((end) => t.teardown(end));
  const health = await sendTo(gateway.port, '/_auth/health', { host: 'app.test' });
  t.is(health.status, 200);
  t.true(health.text.length < 64, health.text);
  t.notRegex(health.text, /\d+\.\d+|version|uptime|sqlite/i);
  for (const path of [
    '/_auth/health/',
    '/_auth/healthz',
    '/_auth/health/x',
    '/_auth/HEALTH',
    '/_auth/metrics',
    '/metrics',
    '/livez',
    '/readyz',
    '/healthz',
    '/debug',
    '/debug/pprof',
    '/_auth/debug',
    '/_auth/sessions',
    '/sessions',
    '/_auth/admin',
  ]) {
    const reply = await sendTo(gateway.port, path, { host: 'app.test' });
    t.is(reply.status, 404, path);
  }
  t.is((await sendTo(gateway.port, '/_auth/health', { host: 'app.test', method: 'POST' })).status, 405);

  const alice = visitor();
  await alice.signIn('alice', passwordOf('alice'));
  await alice.navigate('/private/some-personal-path');
  await visitor().signIn('mallory-unknown', 'x');
  for (const host of ['a.random-host.test', 'b.random-host.test']) await sendTo(gateway.port, '/x', { host });
  await sendTo(gateway.port, '/private/x', { host: 'app.test', method: 'PROPFIND' });
  const metrics = await sendTo(gateway.adminPort, '/metrics');
  t.is(metrics.status, 200);
  t.regex(metrics.text, /^sallyport_requests_total\{/m);
  t.notRegex(metrics.text, /alice|mallory|some-personal-path|random-host|127\.0\.0\.1/);
  t.false(metrics.text.includes(alice.token() ?? 'none'));
  for (const path of ['/livez', '/readyz']) t.is((await sendTo(gateway.adminPort, path)).status, 200, path);
  t.is((await sendTo(gateway.adminPort, '/_auth/sign-in')).status, 404);
  // A page in a browser must not steer the admin listener: neither by rebinding a name nor by a form.
  t.is((await sendTo(gateway.adminPort, '/sessions')).status, 200);
  for (const method of ['GET', 'DELETE'])
    for (const ask of [{ host: 'evil.test' }, { headers: { origin: 'https://evil.test' } }])
      t.is((await sendTo(gateway.adminPort, '/sessions?all=true', { method, ...ask })).status, 403);
  t.is((await alice.navigate('/private/x')).status, 200, 'nobody was signed out');
});

const head = 'store: { secret: nine-and-thirty-random-letters-0123456789 }\n';
const route = 'routes:\n  - upstream: http://127.0.0.1:3000\n';

function faultsOf(text: string): readonly { readonly line: number; readonly path: string; readonly message: string }[] {
  const loaded = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
  return loaded.kind === 'faults' ? loaded.faults : [];
}

test('P291 cfg-strict: what is not understood is refused, with its line', (t) => {
  const cases: Record<string, [text: string, line: number]> = {
    'an unknown key': [`${head}sesion: {}\n${route}`, 2],
    'an unknown key further in': [`${head}${route}    acces: public\n`, 4],
    'a key twice': [`${head}theme: { title: a }\ntheme: { title: b }\n${route}`, 3],
    'a key twice further in': [`${head}${route}    access: signed-in\n    access: public\n`, 5],
    'a wrong type': [`${head}server: { workers: [2] }\n${route}`, 2],
    'a bad duration': [`${head}session: { lifetime: 12 }\n${route}`, 2],
    'a bad network': [`${head}server: { trustedProxies: [10.0.0.0/33] }\n${route}`, 2],
    'an octal address': [`${head}server: { trustedProxies: [010.0.0.1] }\n${route}`, 2],
    'a bad network in a rule': [
      `${head}${route}    access:\n      - { allow: anyone, when: { networks: 1.2.3 } }\n`,
      5,
    ],
    'a bad glob': [`${head}${route}    access:\n      - { allow: anyone, when: { paths: '/(a+)+$' } }\n`, 5],
    'no rules': [`${head}${route}    access: []\n`, 4],
    'an unknown policy': [`${head}${route}    access: everyone\n`, 4],
    'two routes at one place': [`${head}${route}  - upstream: http://127.0.0.1:3001\n`, 4],
    'two routes at one place in other words': [
      `${head}${route}    host: App.test\n  - { upstream: 'http://127.0.0.1:3001', host: app.test }\n`,
      5,
    ],
    'no routes': [head, 1],
    'not YAML': [`${head}routes: [`, 2],
    'nothing at all': ['', 1],
    'a list': ['- a\n', 1],
    'a second document': [`${head}${route}---\nserver: {}\n`, 4],
    'an upstream with a path': [`${head}routes:\n  - upstream: http://127.0.0.1:3000/app\n`, 3],
    'a missing variable': [`${head}theme: { title: '\${NOT_SET_AT_ALL}' }\n${route}`, 2],
  };
  for (const [what, [text, line]] of Object.entries(cases)) {
    const faults = faultsOf(text);
    t.true(faults.length > 0, `${what} is taken`);
    t.true(
      faults.some((fault) => Math.abs(fault.line - line) <= 1),
      `${what}: ${JSON.stringify(faults)}`,
    );
    for (const fault of faults) t.true(fault.message.length > 5);
  }
  t.deepEqual(faultsOf(`${head}${route}`), []);
});

test('P292 cfg-proto: no key of a file reaches a prototype or runs anything', (t) => {
  for (const text of [
    `${head}__proto__: { polluted: true }\n${route}`,
    `${head}constructor: { prototype: { polluted: true } }\n${route}`,
    `${head}session: { __proto__: { polluted: true } }\n${route}`,
    `${head}${route}    __proto__: { access: public }\n`,
    `${head}base: &b { polluted: true }\n<<: *b\n${route}`,
    `${head}session:\n  <<: { __proto__: { polluted: true } }\n${route}`,
    `${head}theme: { title: !!js/function 'function () { return 1 }' }\n${route}`,
    `${head}theme: { title: !!js/eval 'process.exit(1)' }\n${route}`,
    `${head}theme: !custom { title: x }\n${route}`,
    `${head}theme: { title: !!binary aGVsbG8= }\n${route}`,
    `{"__proto__": {"polluted": true}, "routes": [{"upstream": "http://127.0.0.1:3000"}]}`,
  ]) {
    t.true(faultsOf(text).length > 0, text);
    t.is(({} as { polluted?: unknown }).polluted, undefined);
  }
});

test('P293 cfg-yaml11: words and numbers stay what they are written as', (t) => {
  const load = (title: string) => {
    const loaded = loadConfig({
      file: '/nowhere/x.yaml',
      env: {},
      text: `${head}theme: { title: ${title} }\n${route}`,
    });
    return loaded.kind === 'ok' ? loaded.config.theme.title : null;
  };
  for (const word of ['no', 'on', 'off', 'yes', 'y', '1:30', '12:30:45', '2026-11-22'])
    t.true([word, null].includes(load(word)), word);
  for (const word of ['0777', '0o777', '0x1F', '1e3', '1_000', 'true', 'null', '~', '.inf'])
    t.true([word, null].includes(load(word)), `${word}: a number or nothing is not a title`);
  const groups = loadConfig({
    file: '/nowhere/x.yaml',
    env: {},
    text: `${head}${route}    access:\n      - allow: { groups: [no, 0777, on] }\n`,
  });
  if (groups.kind === 'ok') {
    const rules = groups.config.routes[0]?.access;
    t.deepEqual(JSON.stringify(rules).match(/"(no|0777|on)"/g), ['"no"', '"0777"', '"on"']);
  } else t.pass();
});

test('P294 cfg-secrets: a weak secret is refused, an exposed one is told of, none is printed', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'sallyport-secrets-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  for (const secret of ['short', "''", 'x'.repeat(64), 'changeme'.repeat(2), '${EMPTY:-}'])
    t.true(faultsOf(`store: { secret: ${secret} }\n${route}`).length > 0, secret);

  const secret = 'the-secret-of-this-test-0123456789-qwertz';
  await writeFile(join(cwd, 'secret'), `${secret}\n`);
  await chmod(join(cwd, 'secret'), 0o644);
  const file = join(cwd, 'sallyport.yaml');
  await writeFile(file, `store: { secret: '\${file:./secret}' }\n${route}`, { mode: 0o600 });
  await writeFile(join(cwd, 'users.yaml'), 'users: {}\n', { mode: 0o600 });
  const loaded = loadConfig({ file, env: {} });
  t.is(loaded.kind, 'ok');
  if (loaded.kind === 'ok')
    t.true(
      loaded.warnings.some(({ message }) => /secret|read/i.test(message)),
      'others may read the file',
    );
  const checked = await sallyport(['check', '--config', file], { cwd });
  t.is(checked.code, 0);
  t.false(`${checked.stdout}${checked.stderr}`.includes(secret));
  // A fault elsewhere must not quote the secret, also when it is the wrong value itself.
  await writeFile(file, `store: { secret: [${secret}] }\nsesion: ${secret}\n${route}`, { mode: 0o600 });
  const faulty = await sallyport(['check', '--config', file], { cwd });
  t.is(faulty.code, 2);
  t.false(`${faulty.stdout}${faulty.stderr}`.includes(secret));
});

test('P295 cfg-insecure: what opens a door is told of loudly, or refused', (t) => {
  const warned = (text: string): boolean => {
    const loaded = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
    return loaded.kind === 'faults' || loaded.warnings.length > 0;
  };
  for (const text of [
    `${head}server: { publicUrl: 'http://auth.example.test' }\n${route}`,
    `${head}server: { trustedProxies: [0.0.0.0/0] }\n${route}`,
    `${head}server: { trustedProxies: ['::/0'] }\n${route}`,
    `${head}server: { trustedProxies: [0.0.0.0/1, 128.0.0.0/1] }\n${route}`,
    `${head}${route}    access: public\n`,
    `${head}session: { cookie: { sameSite: none } }\n${route}`,
    `${head}admin: { listen: 0.0.0.0:9090 }\n${route}`,
    `store: { url: 'memory:' }\n${route}`,
  ])
    t.true(warned(text), text);
  t.false(warned(`${head}server: { publicUrl: 'https://auth.example.test' }\n${route}`));
});

test('P297 deps: nothing is installed that is known to be holed, and old Nodes are refused', async (t) => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { name?: string; version?: string; dev?: boolean }>;
  };
  const packages = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  const atLeast = (version: string, wanted: string) => {
    const [one, other] = [version, wanted].map((text) => text.split(/[.-]/).map(Number));
    for (let at = 0; at < 3; at += 1) if (one?.[at] !== other?.[at]) return (one?.[at] ?? 0) > (other?.[at] ?? 0);
    return true;
  };
  for (const [path, { name, version = '0', dev }] of Object.entries(lock.packages)) {
    const real = name ?? path.replace(/^.*node_modules\//, '');
    if (real === 'http-proxy') t.true(atLeast(version, '1.18.2'), `${real} ${version}`);
    if (real === 'path-to-regexp') t.true(atLeast(version, '8.4.0'), `${real} ${version}`);
    if (real === 'koa') t.true(atLeast(version, '3.1.2'), `${real} ${version}`);
    if (real === 'js-yaml') t.true(dev === true, 'js-yaml reads nobody’s configuration');
  }
  t.is(packages.engines.node, '^24.18.1 || >=26.5.1');
});

test('P298 files: what holds secrets or sessions is for its owner alone', async (t) => {
  t.timeout(100_000);
  const { gateway, visitor } = await setScene((end) => t.teardown(end));
  const alice = visitor();
  await alice.signIn('alice', passwordOf('alice'));
  await chmod(join(gateway.directory, 'users.yaml'), 0o600);
  const folder = join(gateway.directory, 'state');
  const names = await readdir(folder);
  t.true(names.length >= 2, String(names));
  for (const name of names) t.is((await stat(join(folder, name))).mode & 0o077, 0, name);
  t.is((await stat(folder)).mode & 0o077, 0, 'the folder itself');
});

test('P298 files: a users file made by a command is for its owner alone', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'sallyport-files-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  t.is((await sallyport(['init', '.'], { cwd })).code, 0);
  const names = await readdir(cwd, { recursive: true });
  for (const name of names.filter((one) => /users|secret/.test(one)))
    t.is((await stat(join(cwd, name))).mode & 0o077, 0, name);
  t.true(names.some((name) => /users/.test(name)));
});
