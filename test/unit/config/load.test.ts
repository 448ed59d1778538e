import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Fault } from '../../../src/faults.ts';
import { configForUpstream, findConfigFile, loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';

const file = '/nowhere/sallyport.yaml';
const oneRoute = 'routes:\n  - upstream: http://127.0.0.1:3000\n';

function faultsOf(text: string, env: Record<string, string> = {}): readonly Fault[] {
  const result = loadConfig({ file, env, text });
  return result.kind === 'faults' ? result.faults : [];
}

function linesOf(text: string, env: Record<string, string> = {}): readonly string[] {
  return faultsOf(text, env).map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

function configOf(text: string, env: Record<string, string> = {}): Config {
  const result = loadConfig({ file, env, text });
  if (result.kind === 'ok') return result.config;
  throw new Error(JSON.stringify(result.faults));
}

async function temporaryDirectory(t: { teardown: (callback: () => Promise<void>) => void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-config-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('needs only a route', (t) => {
  const config = configOf(oneRoute);
  t.is(config.server.publicUrl, 'http://localhost:8080');
  t.deepEqual(config.server.listen, [{ kind: 'tcp', host: '0.0.0.0', port: 8080 }]);
  t.is(config.routes[0]?.id, 'default');
  t.is(config.routes[0]?.access, 'signed-in');
});

test('freezes everything', (t) => {
  const config = configOf(oneRoute);
  t.true(Object.isFrozen(config));
  t.true(Object.isFrozen(config.routes));
  t.true(Object.isFrozen(config.routes[0]?.signOut.clearCookies));
});

test('makes every path absolute, starting from the file', (t) => {
  const config = configOf(`
server: { listen: ['127.0.0.1:1', 'unix:./public.sock'] }
admin: { listen: 'unix:admin.sock' }
store: { url: 'sqlite:./var/x.db' }
signIn: { local: { users: people.yaml } }
routes: [{ upstream: 'unix:./app.sock' }]
`);
  t.deepEqual(config.server.listen[1], { kind: 'unix', path: '/nowhere/public.sock' });
  t.is(config.admin.listen, 'unix:/nowhere/admin.sock');
  t.is(config.store.url, 'sqlite:/nowhere/var/x.db');
  t.is(config.signIn.local?.users, '/nowhere/people.yaml');
  t.is(config.routes[0]?.upstream?.targets[0].socketPath, '/nowhere/app.sock');
});

test('gives each route an id of its own, made from host and path', (t) => {
  const config = configOf(`
routes:
  - { upstream: 'http://a' }
  - { upstream: 'http://a', id: wiki.example.com, path: /x }
  - { upstream: 'http://a', host: wiki.example.com }
  - { upstream: 'http://a', host: '*.example.com', path: /App/ }
`);
  t.deepEqual(
    config.routes.map((route) => route.id),
    ['default', 'wiki.example.com', 'wiki.example.com-2', 'example.com-app'],
  );
});

test('tells every fault at once, each with its place', (t) => {
  t.deepEqual(linesOf('server: { lissten: 1 }\nsesion: {}\nstore: { url: mysql://x }\nlog:\n  access: yes\n'), [
    '1:1 routes: is missing',
    '1:11 server.lissten: is not a known key; did you mean listen?',
    '2:1 sesion: is not a known key; did you mean session?',
    '3:15 store.url: is not a store; write memory:, sqlite:PATH, redis://HOST:PORT or rediss://HOST:PORT',
    '5:11 log.access: must be true or false, but is text',
  ]);
});

test('lists the known keys when none is near', (t) => {
  t.deepEqual(linesOf(`${oneRoute}log: { zebra: 1 }`), ['3:8 log.zebra: is not a known key; known are level, access']);
});

const accessFaults: Record<string, string> = {
  publc: 'access: must be public, signed-in, second-factor or a list; did you mean public?',
  true: 'access: must be public, signed-in, second-factor or a list, but is true or false',
  '[]': 'access: is an empty list, which lets nobody in; write at least one rule',
  '[{ alow: anyone }]': 'access[0].alow: is not a known key; did you mean allow?',
  '[{ allow: anyon }]': 'access[0].allow: must be anyone, signed-in, a mapping of keys or a list; did you mean anyone?',
  '[{ allow: { grops: [a] } }]': 'access[0].allow.grops: is not a known key; did you mean groups?',
  '[{ allow: {} }]':
    'access[0].allow: names nobody; write users, groups, emails, emailDomains, methods or claims, or signed-in',
  '[{ deny: anyone, wen: {} }]': 'access[0].wen: is not a known key; did you mean when?',
  '[{ when: { paths: /x } }]': 'access[0]: needs one of the keys allow, deny',
  '[{ allow: { groups: [5] } }]': 'access[0].allow.groups[0]: must be text, but is a number; write it in quotes',
  '[{ allow: signed-in, when: { networks: 10.0.0.0/99 } }]':
    'access[0].when.networks: is not a network; write 10.0.0.0/8 or 2001:db8::/32',
  '[5]': 'access[0]: must be a mapping of keys, but is a number',
};

for (const [access, expected] of Object.entries(accessFaults))
  test(`tells one helpful fault for access: ${access}`, (t) => {
    const lines = linesOf(`routes: [{ upstream: 'http://a', access: ${access} }]`);
    t.deepEqual(
      lines.map((line) => line.replace(/^\S+ routes\[0\]\./, '')),
      [expected],
    );
  });

test('refuses values that only look right', (t) => {
  for (const [text, path] of Object.entries({
    'server: { workers: 0777 }': 'server.workers',
    'server: { workers: 0x4 }': 'server.workers',
    'server: { drainTimeout: 1:30 }': 'server.drainTimeout',
    'theme: { title: 2024 }': 'theme.title',
    'theme: { title: }': 'theme.title',
    'log: { access: no }': 'log.access',
    'session: { cookie: { sameSite: on } }': 'session.cookie.sameSite',
    'server: { trustedProxies: [10.0.0.0/33] }': 'server.trustedProxies[0]',
    'store: { secret: 0123456789 }': 'store.secret',
    'store: { secret: "" }': 'store.secret',
    'store: { secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }': 'store.secret',
  }))
    t.deepEqual([...new Set(faultsOf(`${oneRoute}${text}`).map((fault) => fault.path))], [path], text);
});

test('keeps words that older YAML took for booleans as text', (t) => {
  const config = configOf(`routes: [{ upstream: 'http://a', access: [{ allow: { groups: [no, on, y, '0777'] } }] }]`);
  t.deepEqual(config.routes[0]?.access, [{ allow: [{ groups: ['no', 'on', 'y', '0777'] }] }]);
});

test('replaces ${…} anywhere in a text', (t) => {
  const config = configOf(
    `server: { publicUrl: 'https://\${HOST}', workers: '\${N}' }\ntheme: { title: 'a \${X:-b c} $\${d}', footer: '\${EMPTY:-e}' }\n${oneRoute}`,
    { HOST: 'auth.test', N: '3', EMPTY: '' },
  );
  t.is(config.server.publicUrl, 'https://auth.test');
  t.is(config.server.workers, 3);
  t.is(config.theme.title, 'a b c ${d}');
  t.is(config.theme.footer, 'e');
});

test('does not look again at what ${…} put in', (t) => {
  t.is(configOf(`theme: { title: '\${A}' }\n${oneRoute}`, { A: '${B} $${C}' }).theme.title, '${B} $${C}');
});

test('refuses ${…} that is missing or not understood, with its place', (t) => {
  t.deepEqual(linesOf(`store: { secret: '\${SECRET}' }\ntheme: { title: '\${a b}', footer: '\${X' }\n${oneRoute}`), [
    '1:18 store.secret: needs the environment variable SECRET, which is not set; set it or write ${SECRET:-default}',
    '2:17 theme.title: has an unknown form of ${…}; write ${NAME}, ${NAME:-default} or ${file:/path}',
    '2:35 theme.footer: has ${ without }; write $${ for a plain ${',
  ]);
  t.is(faultsOf(`theme: { title: '\${toString}' }\n${oneRoute}`).length, 1);
});

test('takes a value from a file, less one newline, and names the file for watching', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'title'), 'Our door\n\n');
  const text = `theme: { title: '\${file:./title}' }\n${oneRoute}`;
  const result = loadConfig({ file: join(directory, 'sallyport.yaml'), env: {}, text });
  t.is(result.kind === 'ok' && result.config.theme.title, 'Our door\n');
  t.deepEqual(result.files, [join(directory, 'sallyport.yaml'), join(directory, 'title')]);
});

test('refuses ${file:…} that is missing, a directory or too large', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'large'), 'x'.repeat(65 * 1024));
  for (const name of ['none', '.', 'large', '/dev/zero'])
    t.is(faultsOf(`theme: { title: '\${file:${join(directory, name)}}' }\n${oneRoute}`).length, 1, name);
});

test('refuses two routes for one place, and an id given twice', (t) => {
  const text = `routes:
  - { upstream: 'http://a', id: x, host: A.test, path: /app }
  - { upstream: 'http://b', id: x, host: a.test, path: /app/ }
`;
  t.deepEqual(linesOf(text), [
    '3:5 routes[1]: has the same host and path as routes[0]; change one or put them together',
    '3:33 routes[1].id: is already the id of routes[0]; write another',
  ]);
});

test('knows one place by its canonical form', (t) => {
  const same = (first: string, second: string): boolean =>
    faultsOf(`routes: [{ upstream: 'http://a', ${first} }, { upstream: 'http://a', ${second} }]`).length === 1;
  t.true(same('path: /%61pp', 'path: /app'));
  t.true(same('path: /ü', 'path: /%c3%bc/'));
  t.true(same('host: WIKI.test', 'host: wiki.test'));
  t.false(same('path: /app', 'path: /App'));
  t.false(same('host: a.test', "host: '*.a.test'"));
});

test('refuses a path that is meant as a pattern or can never fit', (t) => {
  for (const path of [
    '/a.*',
    '^/a',
    '/(a+)+$',
    '/:a-:b',
    '/[ab]',
    '/a/**',
    '/a?b',
    '/a//b',
    '/a/../b',
    '/%2e',
    '/%zz',
    '/a%2fb',
    '/_auth/x',
    '/%5fAUTH',
  ])
    t.is(faultsOf(`routes: [{ upstream: 'http://a', path: '${path}' }]`).length, 1, path);
  t.is(faultsOf(`routes: [{ upstream: 'http://a', path: '/c++/~me/a.b-c' }]`).length, 0);
});

test('refuses what does not go together', (t) => {
  const cases: Record<string, string> = {
    'store: { url: "memory:" }\nserver: { workers: 2 }': 'server.workers',
    'store: { url: "memory:" }\nserver: { workers: auto }': 'server.workers',
    'session: { cookie: { sameSite: none } }': 'session.cookie.sameSite',
    'session: { cookie: { domain: b.test } }\nserver: { publicUrl: "https://a.test" }': 'session.cookie.domain',
    'session: { cookie: { domain: a.test } }\nserver: { publicUrl: "https://xa.test" }': 'session.cookie.domain',
    'server: { listen: "unix:./x.sock" }': 'server.publicUrl',
    'server: { listen: "127.0.0.1:9090" }': 'admin.listen',
    'theme: { logo: ./none.svg }': 'theme.logo',
    'theme: { css: / }': 'theme.css',
  };
  for (const [text, path] of Object.entries(cases))
    t.deepEqual(
      faultsOf(`${oneRoute}${text}`).map((fault) => fault.path),
      [path],
      text,
    );
});

test('accepts a cookie domain around the public host', (t) => {
  const text = 'session: { cookie: { domain: .Example.com } }\nserver: { publicUrl: "https://auth.example.com" }';
  t.is(configOf(`${oneRoute}${text}`).session.cookie.domain, 'example.com');
});

test('warns of what is allowed but unsafe', (t) => {
  const result = loadConfig({
    file,
    env: {},
    text: `
server: { publicUrl: 'http://app.test', trustedProxies: [0.0.0.0/0, '::/0'] }
admin: { listen: 0.0.0.0:9090 }
store: { url: 'memory:' }
routes: [{ upstream: 'http://a', access: public }, { upstream: 'http://a', host: a.test, access: [{ allow: anyone }] }]
`,
  });
  t.deepEqual(result.kind === 'ok' && result.warnings.map((warning) => warning.path), [
    'server.publicUrl',
    'server.trustedProxies[0]',
    'server.trustedProxies[1]',
    'admin.listen',
    'store.url',
    'routes[0].access',
    'routes[1].access',
  ]);
  const calm = loadConfig({ file, env: {}, text: `server: { publicUrl: 'https://app.test' }\n${oneRoute}` });
  t.deepEqual(calm.kind === 'ok' && calm.warnings, []);
});

test('warns of a secret that every account can read', async (t) => {
  const directory = await temporaryDirectory(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'q1w2e3r4t5z6u7i8o9p0a1s2d3f4g5h6j7\n', { mode: 0o644 });
  await chmod(secret, 0o644);
  const text = `store: { secret: '\${file:${secret}}' }\n${oneRoute}`;
  const warnings = (): readonly string[] => {
    const result = loadConfig({ file: join(directory, 'x.yaml'), env: {}, text });
    return result.kind === 'ok' ? result.warnings.map((warning) => warning.path) : ['faults'];
  };
  t.deepEqual(warnings(), ['store.secret']);
  await chmod(secret, 0o600);
  t.deepEqual(warnings(), []);
});

test('names a file that is not there, not a file, or not text', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'latin1.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xe9]));
  for (const [name, message] of Object.entries({
    'none.yaml': "can't be read (ENOENT: no such file or directory)",
    '.': 'is not a plain file',
    'latin1.yaml': "can't be read (it is not UTF-8 text)",
  })) {
    const result = loadConfig({ file: join(directory, name), env: {} });
    t.deepEqual(result.kind === 'faults' && result.faults.map((fault) => fault.message), [message]);
  }
});

test('makes a configuration of an upstream alone', (t) => {
  const result = configForUpstream({ upstream: 'http://127.0.0.1:3000', listen: '127.0.0.1:0', directory: '/home/me' });
  if (result.kind === 'faults') throw new Error(JSON.stringify(result.faults));
  t.is(result.config.store.url, 'sqlite:/home/me/var/sallyport.db');
  t.is(result.config.signIn.local?.users, '/home/me/var/users.yaml');
  t.deepEqual(result.config.server.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 0 }]);
  t.is(result.config.routes[0]?.host, undefined);
  const wrong = configForUpstream({ upstream: 'localhost', listen: 'x', directory: '/home/me' });
  t.deepEqual(wrong.kind === 'faults' && wrong.faults.map((fault) => fault.file), ['--listen', '--upstream']);
});

test('lets --listen stand in for server.listen', (t) => {
  const result = loadConfig({ file, env: {}, text: `server: { listen: 1.1.1.1:1 }\n${oneRoute}`, listen: ':99' });
  t.is(result.kind === 'ok' && result.config.server.publicUrl, 'http://localhost:99');
});

test('looks for the configuration in the places that the documentation names', async (t) => {
  const cwd = await temporaryDirectory(t);
  t.is(findConfigFile({ config: 'a.yaml', env: { SALLYPORT_CONFIG: '/b.yaml' }, cwd }), join(cwd, 'a.yaml'));
  t.is(findConfigFile({ env: { SALLYPORT_CONFIG: '/b.yaml' }, cwd }), '/b.yaml');
  t.not(findConfigFile({ env: {}, cwd }), join(cwd, 'config/sallyport.yaml'));
});
