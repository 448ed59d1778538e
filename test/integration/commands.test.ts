import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { launchSallyport, sallyport } from '../support/cli.ts';
import { spawnTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually, freePort } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed } from '../support/visitor.ts';

// Every command, as an operator types it.
const password = 'correct horse battery staple';

type Teardown = (end: () => Promise<void>) => void;

async function folderWith(end: Teardown, files: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-commands-'));
  end(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  return folder;
}

const secret = 'nine-and-thirty-random-letters-0123456789';

test('check is silent or brief about a sound file, and ends with 0', async (t) => {
  const cwd = await folderWith((end) => t.teardown(end), {
    'sallyport.yaml': `store: { secret: ${secret} }\nroutes:\n  - upstream: http://127.0.0.1:3000\n`,
    'users.yaml': 'users: {}\n',
  });
  const ran = await sallyport(['check', '--config', 'sallyport.yaml'], { cwd });
  t.is(ran.code, 0, ran.stderr);
  const viaEnvironment = await sallyport(['check'], { cwd, env: { SALLYPORT_CONFIG: join(cwd, 'sallyport.yaml') } });
  t.is(viaEnvironment.code, 0, viaEnvironment.stderr);
});

test('check tells every fault at once: file, line, column, key, and what to write instead', async (t) => {
  const cwd = await folderWith((end) => t.teardown(end), {
    'sallyport.yaml': [
      'sever:',
      '  listen: 127.0.0.1:8080',
      'session:',
      '  idleTimeout: soon',
      'routes:',
      '  - id: wiki',
      '    upstream: ftp://example.test',
      '    acces: public',
      '',
    ].join('\n'),
  });
  const ran = await sallyport(['check', '--config', 'sallyport.yaml'], { cwd });
  t.is(ran.code, 2);
  const lines = (ran.stdout + ran.stderr).split('\n').filter((line) => line !== '');
  const at = (place: string) => lines.find((line) => line.includes(`sallyport.yaml:${place}`)) ?? lines.join('\n');
  t.regex(at('1:1'), /sallyport\.yaml:1:1: sever: .*server/);
  t.regex(at('4:16'), /: session\.idleTimeout: .*30s/);
  t.regex(at('7:15'), /: routes\[?\.?0\]?\.upstream: .*http/);
  t.regex(at('8:5'), /: routes\[?\.?0\]?\.acces: .*access/);
  for (const line of lines) t.regex(line, /:\d+:\d+: \S+: /);
});

test('schema prints the JSON Schema of the configuration', async (t) => {
  const ran = await sallyport(['schema'], { cwd: await folderWith((end) => t.teardown(end)) });
  t.is(ran.code, 0, ran.stderr);
  const schema = JSON.parse(ran.stdout) as { properties: Record<string, unknown>; additionalProperties: unknown };
  t.true('routes' in schema.properties);
  t.is(schema.additionalProperties, false);
});

test('explain tells rule by rule what would decide a request', async (t) => {
  const cwd = await folderWith((end) => t.teardown(end), {
    'sallyport.yaml': `
server: { publicUrl: https://auth.example.test }
store: { secret: ${secret} }
routes:
  - id: wiki
    host: wiki.example.test
    upstream: http://127.0.0.1:3000
    access:
      - allow: anyone
        when: { paths: /static/** }
      - deny: anyone
        when: { networks: 203.0.113.0/24 }
      - allow: { groups: editors }
`,
    'users.yaml': `users: { alice: { groups: [editors], password: "${await hashOf(password)}" }, bob: { groups: [] } }\n`,
  });
  const explain = (...args: string[]) => sallyport(['explain', '--config', 'sallyport.yaml', ...args], { cwd });
  const open = await explain('GET', 'https://wiki.example.test/static/x.css');
  t.is(open.code, 0, open.stderr);
  t.regex(open.stdout, /wiki/);
  t.regex(open.stdout, /allow/i);
  const editor = await explain('--user', 'alice', 'GET', 'https://wiki.example.test/page');
  t.is(editor.code, 0);
  t.regex(editor.stdout, /allow|forward/i);
  const reader = await explain('--user', 'bob', 'GET', 'https://wiki.example.test/page');
  t.regex(reader.stdout, /den|403/i);
  const banned = await explain('--user', 'alice', '--from', '203.0.113.7', 'GET', 'https://wiki.example.test/page');
  t.regex(banned.stdout, /den|403/i);
  const nobody = await explain('GET', 'https://wiki.example.test/page');
  t.regex(nobody.stdout, /sign-in|not-signed-in/i);
  const nowhere = await explain('GET', 'https://elsewhere.test/');
  t.regex(nowhere.stdout, /no-route|no route|404/i);
  t.is((await explain('GET', 'not a url')).code, 2);
  t.is((await explain('--user', 'nobody-at-all', 'GET', 'https://wiki.example.test/')).code, 2);
});

test('init writes a configuration that starts, with a user and a password that is printed', async (t) => {
  t.timeout(100_000);
  const cwd = await folderWith((end) => t.teardown(end));
  const ran = await sallyport(['init', 'site'], { cwd });
  t.is(ran.code, 0, ran.stderr);
  const printed = /password:?\s+(\S{12,})/i.exec(ran.stdout + ran.stderr)?.[1] ?? '';
  t.not(printed, '');
  const site = join(cwd, 'site');
  const file = await eventually('a configuration file', async () => {
    for (const name of ['sallyport.yaml', 'config/sallyport.yaml'])
      if (await stat(join(site, name)).catch(() => null)) return join(site, name);
    return null;
  });
  const text = await readFile(file, 'utf8');
  t.regex(text, /^\s*#/m, 'it is commented');
  t.false(text.includes(printed));
  t.is((await sallyport(['check', '--config', file], { cwd })).code, 0);
  const again = await sallyport(['init', 'site'], { cwd });
  t.not(again.code, 0, 'nothing that exists is overwritten');
  t.is(await readFile(file, 'utf8'), text);

  const app = await startStoryApp();
  t.teardown(app.stop);
  const port = await freePort();
  const adminPort = await freePort();
  const config = parse(text) as { routes: { upstream: string }[] } & Record<string, unknown>;
  config.routes[0]!.upstream = app.origin;
  config['admin'] = { listen: `127.0.0.1:${adminPort}` };
  config['server'] = { ...(config['server'] as object), publicUrl: `http://localhost:${port}` };
  await writeFile(file, JSON.stringify(config));
  const gateway = launchSallyport(['start', '--config', file, '--listen', `127.0.0.1:${port}`], { cwd: site });
  t.teardown(() => gateway.stop('SIGKILL'));
  await eventually('the gateway serves', async () => {
    if (gateway.exit() !== null) throw new Error(gateway.output());
    return sendTo(port, '/_auth/health').then(
      (reply) => reply.status === 200,
      () => false,
    );
  });
  const users = Object.keys(
    (
      parse(await readFile(join(site, file.includes('/config/') ? 'config' : '', 'users.yaml'), 'utf8')) as {
        users: Record<string, unknown>;
      }
    ).users,
  );
  t.is(users.length, 1);
  const visitor = createVisitor(port);
  t.is((await visitor.signIn(users[0]!, printed)).status, 303);
  t.is((await visitor.navigate('/')).status, 200);
  t.false(gateway.output().includes(printed));
});

test('H170 hash-min: hash-password prints an argon2id hash no weaker than the recommendation', async (t) => {
  const cwd = await folderWith((end) => t.teardown(end));
  const ran = await sallyport(['hash-password'], { cwd, input: 'pässword with spaces \n' });
  t.is(ran.code, 0, ran.stderr);
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43}$/.exec(
    ran.stdout.trim(),
  );
  t.not(match, null, ran.stdout);
  t.true(Number(match?.[1]) >= 19_456 && Number(match?.[2]) >= 2);
  t.notRegex(ran.stdout + ran.stderr, /pässword/);
  const again = await sallyport(['hash-password'], { cwd, input: 'pässword with spaces \n' });
  t.not(again.stdout, ran.stdout, 'salted');
  t.is((await sallyport(['hash-password'], { cwd, input: '' })).code, 2, 'an empty password is none');
});

test('user add, list, set-password, disable, enable and remove change the users file of the configuration', async (t) => {
  t.timeout(100_000);
  const cwd = await folderWith((end) => t.teardown(end), {
    'sallyport.yaml': `store: { secret: ${secret} }\nroutes:\n  - upstream: http://127.0.0.1:3000\n`,
    'users.yaml': '# our people\nusers: {}\n',
  });
  const user = (args: string[], input?: string) =>
    sallyport(['user', ...args, '--config', 'sallyport.yaml'], { cwd, ...(input !== undefined && { input }) });
  const read = async () =>
    (parse(await readFile(join(cwd, 'users.yaml'), 'utf8')) as { users: Record<string, Record<string, unknown>> })
      .users ?? {};
  const added = await user(['add', 'Alice'], `${password}\n`);
  t.is(added.code, 0, added.stderr);
  t.regex(String((await read())['alice']?.['password']), /^\$argon2id\$/);
  t.is((await user(['add', 'alice'], `${password}\n`)).code === 0, false, 'there is one already');
  t.regex((await user(['list'])).stdout, /alice/);
  const before = (await read())['alice']?.['password'];
  t.is((await user(['set-password', 'alice'], 'another password here\n')).code, 0);
  t.not((await read())['alice']?.['password'], before);
  t.is((await user(['disable', 'alice'])).code, 0);
  t.is((await read())['alice']?.['disabled'], true);
  t.regex((await user(['list'])).stdout, /disabled/i);
  t.is((await user(['enable', 'alice'])).code, 0);
  t.not((await read())['alice']?.['disabled'], true);
  t.not((await user(['disable', 'nobody'])).code, 0);
  t.is((await user(['remove', 'alice'])).code, 0);
  t.deepEqual(await read(), {});
  t.regex(await readFile(join(cwd, 'users.yaml'), 'utf8'), /# our people/, 'comments stay');
  t.is((await stat(join(cwd, 'users.yaml'))).mode & 0o077, 0);
});

test('G142 revoke-all: set-password, disable and session revoke end live sessions and their WebSockets', async (t) => {
  t.timeout(90_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const gateway = await spawnTestGateway({
    config: {
      store: { url: 'sqlite:./sallyport.db' },
      routes: [{ id: 'app', path: '/', upstream: app.origin }],
    },
    users: JSON.stringify({
      users: { alice: { password: await hashOf(password) }, bob: { password: await hashOf(password) } },
    }),
  });
  t.teardown(gateway.stop);
  const cwd = gateway.directory;
  const command = (...args: string[]) => sallyport([...args, '--config', 'sallyport.yaml'], { cwd });
  const signedIn = async (user: string, secretWord = password) => {
    const visitor = createVisitor(gateway.port);
    await visitor.signIn(user, secretWord);
    t.is((await visitor.navigate('/x')).status, 200);
    return visitor;
  };

  const alice = await signedIn('alice');
  const bob = await signedIn('bob');
  const listed = await command('session', 'list');
  t.is(listed.code, 0, listed.stderr);
  t.regex(listed.stdout, /alice/);
  t.regex(listed.stdout, /bob/);
  t.false(listed.stdout.includes(alice.token() ?? 'none'), 'the list opens no session');
  const hers = await command('session', 'list', '--user', 'alice');
  t.notRegex(hers.stdout, /bob/);

  const socket = await alice.openSocket('/ws');
  const closed = socketClosed(socket);
  t.is((await command('session', 'revoke', '--user', 'alice')).code, 0);
  t.is((await alice.navigate('/x')).status, 302);
  await closed;
  t.is((await bob.navigate('/x')).status, 200);

  const one = await signedIn('alice');
  const other = await signedIn('alice');
  const ids = (await command('session', 'list', '--user', 'alice')).stdout.match(/[A-Za-z0-9_-]{12,43}/g) ?? [];
  t.true(ids.length >= 2);
  const revoked = await command('session', 'revoke', ids.find((id) => !/^alice$/.test(id)) ?? '');
  t.is(revoked.code, 0, revoked.stderr);
  const statuses = [(await one.navigate('/x')).status, (await other.navigate('/x')).status];
  t.deepEqual(statuses.sort(), [200, 302], 'that one and no other');
  t.is((await command('session', 'revoke', '--all')).code, 0);
  t.is((await bob.navigate('/x')).status, 302);
  t.not((await command('session', 'revoke', 'A'.repeat(43))).code, 0, 'there is no such session');

  const third = await signedIn('alice');
  const set = await sallyport(['user', 'set-password', 'alice', '--config', 'sallyport.yaml'], {
    cwd,
    input: 'a new password for her\n',
  });
  t.is(set.code, 0, set.stderr);
  await eventually('the old session ends', async () => (await third.navigate('/x')).status === 302);
  t.is((await createVisitor(gateway.port).signIn('alice', password)).status, 401);
  const fourth = await signedIn('alice', 'a new password for her');
  t.is((await command('user', 'disable', 'alice')).code, 0);
  await eventually('the session ends', async () => (await fourth.navigate('/x')).status === 302);

  gateway.signal('SIGKILL');
  await eventually('the gateway is gone', () => gateway.exit() !== null);
  t.is((await command('session', 'list')).code, 1, 'nobody there to ask');
});

test('every command helps, and the help names the commands', async (t) => {
  t.timeout(100_000);
  const cwd = await folderWith((end) => t.teardown(end));
  const overview = await sallyport(['--help'], { cwd });
  t.is(overview.code, 0);
  const commands = ['start', 'init', 'check', 'explain', 'schema', 'hash-password', 'user', 'session'];
  for (const name of commands) {
    t.regex(overview.stdout, new RegExp(`^\\s+${name}\\b`, 'm'));
    const help = await sallyport([name, '--help'], { cwd });
    t.is(help.code, 0, name);
    t.regex(help.stdout, new RegExp(`Usage: sallyport ${name}`), name);
  }
  for (const [name, sub] of [
    ['user', 'add'],
    ['user', 'set-password'],
    ['session', 'revoke'],
  ] as const) {
    const help = await sallyport([name, sub, '--help'], { cwd });
    t.is(help.code, 0);
    t.regex(help.stdout, new RegExp(`Usage: sallyport ${name} ${sub}`));
  }
  t.is((await sallyport([], { cwd })).code, 2, 'no command is wrong usage');
});
