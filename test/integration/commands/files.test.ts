import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { runCommand } from '../../support/command.ts';

async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-commands-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('init writes a configuration that check finds fine, and a secret for its owner alone', async (t) => {
  const cwd = await temporaryDirectory(t);
  const made = await runCommand(['init', 'door'], { cwd });
  t.is(made.code, 0, made.stderr);
  t.deepEqual((await readdir(join(cwd, 'door'))).sort(), ['sallyport.yaml', 'secret', 'users.yaml']);
  t.is((await stat(join(cwd, 'door/secret'))).mode & 0o777, 0o600);
  t.is((await stat(join(cwd, 'door/users.yaml'))).mode & 0o777, 0o600);
  const password = /password {2}(\S+)/.exec(made.stdout)?.[1] ?? '';
  t.true(password.length >= 15);
  const users = await readFile(join(cwd, 'door/users.yaml'), 'utf8');
  t.true(users.includes('$argon2id$'));
  t.false(users.includes(password));
  t.deepEqual(await runCommand(['check', '--config', 'door/sallyport.yaml'], { cwd }), {
    code: 0,
    stdout: 'door/sallyport.yaml: fine, 1 route\n',
    stderr: '',
  });
});

test('init overwrites nothing', async (t) => {
  const cwd = await temporaryDirectory(t);
  for (const name of ['sallyport.yaml', 'users.yaml', 'secret']) {
    await writeFile(join(cwd, name), 'mine');
    const { code, stderr } = await runCommand(['init'], { cwd });
    t.is(code, 2);
    t.true(stderr.includes(join(cwd, name)));
    t.deepEqual(await readdir(cwd), [name]);
    t.is(await readFile(join(cwd, name), 'utf8'), 'mine');
    await rm(join(cwd, name));
  }
});

test('check tells one line a fault and ends with exit code 2', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(join(cwd, 'a.yaml'), "routes:\n  - { upstream: 'http://a', acess: public }\nlog: { level: loud }\n");
  t.deepEqual(await runCommand(['check', '-c', 'a.yaml'], { cwd }), {
    code: 2,
    stdout: '',
    stderr:
      'a.yaml:2:29: routes[0].acess: is not a known key; did you mean access?\n' +
      'a.yaml:3:15: log.level: must be debug, info, warn or error\n',
  });
});

test('check reads the users file too', async (t) => {
  const cwd = await temporaryDirectory(t);
  await writeFile(join(cwd, 'a.yaml'), "routes: [{ upstream: 'http://a' }]\n");
  await writeFile(join(cwd, 'users.yaml'), 'users:\n  alice: { grups: [a] }\n');
  const { code, stderr } = await runCommand(['check', '--config', 'a.yaml'], { cwd });
  t.is(code, 2);
  t.regex(stderr, /^users\.yaml:2:\d+: users\.alice/);
});

test('check prints warnings, and with --print what is in force without secrets', async (t) => {
  const cwd = await temporaryDirectory(t);
  const secret = 'k7Qm2x9WzT4vB8nR3yL6pD1sF5gH0jCa';
  await writeFile(
    join(cwd, 'a.yaml'),
    `store: { url: 'memory:', secret: ${secret} }\nroutes: [{ upstream: 'http://a' }]\n`,
  );
  await chmod(join(cwd, 'a.yaml'), 0o600);
  const { code, stdout, stderr } = await runCommand(['check', '--config', 'a.yaml', '--print'], { cwd });
  t.is(code, 0);
  t.is(stderr, 'warning: a.yaml:1:15: store.url: is memory: a restart signs everybody out\n');
  t.false(stdout.includes(secret));
  t.is((JSON.parse(stdout) as { server: { authPath: string } }).server.authPath, '/_auth');
});

test('check says where it looked when there is no configuration', async (t) => {
  const cwd = await temporaryDirectory(t);
  const { code, stderr } = await runCommand(['check', '--config', 'none.yaml'], { cwd });
  t.is(code, 2);
  t.is(stderr, "none.yaml:1:1: can't be read (ENOENT: no such file or directory)\n");
});

test('hash-password reads standard input and prints an argon2id hash', async (t) => {
  const { code, stdout } = await runCommand(['hash-password'], { stdin: 'correct horse battery staple\n' });
  t.is(code, 0);
  t.regex(stdout, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$\n]+\$[^$\n]+\n$/);
});

test('hash-password refuses nothing, too much, and what is not text', async (t) => {
  for (const stdin of ['', '\n', 'x'.repeat(5_000)]) t.is((await runCommand(['hash-password'], { stdin })).code, 2);
  const bytes = new PassThrough();
  bytes.end(Buffer.from([0xff, 0xfe]));
  const { code, stderr } = await runCommand(['hash-password'], { stdin: bytes });
  t.is(code, 2);
  t.is(stderr, 'sallyport: the password is not UTF-8 text\n');
});

/** Plays a person at a terminal: types each line once a new question stands there. */
function terminal(lines: readonly string[]): { readonly stdin: PassThrough; readonly modes: boolean[] } {
  const modes: boolean[] = [];
  const waiting = [...lines];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (mode: boolean) => {
      modes.push(mode);
      if (mode) setImmediate(() => stdin.write(waiting.shift() ?? '\u0003'));
    },
  });
  return { stdin, modes };
}

test('hash-password asks twice at a terminal, without echo, and understands the delete key', async (t) => {
  const { stdin, modes } = terminal(['sesamX\u007f, öffne dich\r', 'wrong\u0015sesam, öffne dich\r']);
  const { code, stdout, stderr } = await runCommand(['hash-password'], { stdin });
  t.is(code, 0, stderr);
  t.regex(stdout, /^\$argon2id\$/);
  t.is(stderr, 'Password: \nOnce more: \n');
  t.deepEqual(modes, [true, false, true, false]);
});

test('hash-password ends at Ctrl+C and when the two differ', async (t) => {
  const cancelled = await runCommand(['hash-password'], { stdin: terminal(['abc\u0003']).stdin });
  t.is(cancelled.code, 2);
  t.regex(cancelled.stderr, /cancelled/);
  const differing = await runCommand(['hash-password'], { stdin: terminal(['abc\r', 'abd\r']).stdin });
  t.regex(differing.stderr, /the two passwords differ/);
});
