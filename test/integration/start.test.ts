import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { launchSallyport, sallyport } from '../support/cli.ts';
import { eventually, freePort } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo } from '../support/visitor.ts';

// A newcomer's way: one command in an empty folder.

async function emptyFolder(end: (teardown: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-start-'));
  end(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const isServing = (port: number) => () =>
  sendTo(port, '/_auth/health').then(
    (reply) => reply.status === 200,
    () => false,
  );

test.serial('protects an app with --upstream alone, and prints the first password once', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const cwd = await emptyFolder((end) => t.teardown(end));
  const port = await freePort();
  const args = ['start', '--upstream', app.origin, '--listen', `127.0.0.1:${port}`];
  const first = launchSallyport(args, { cwd });
  t.teardown(() => first.stop('SIGKILL'));
  await eventually('the gateway serves', async () => {
    if (first.exit() !== null) throw new Error(first.output());
    return isServing(port)();
  });
  await eventually('the address is printed', () => first.output().includes(`:${port}`));
  const password = await eventually('the password is printed', () => /password\s+(\S{12,})/i.exec(first.output())?.[1]);
  t.regex(first.output(), /\badmin\b/);
  t.is(first.output().split(password).length, 2, 'once');

  const visitor = createVisitor(port);
  const asked = await visitor.navigate('/private/x?a=b');
  t.is(asked.status, 302);
  t.is((await visitor.signIn('admin', 'not it')).status, 401);
  t.is((await visitor.signIn('admin', password, { returnTo: '/private/x?a=b' })).status, 303);
  const page = await visitor.navigate('/private/x?a=b');
  t.is(page.status, 200);
  t.regex(page.text, /<p id="user">admin</);

  const files = await readdir(join(cwd, 'var'), { recursive: true });
  t.true(files.length > 0, 'state is kept in ./var');
  t.deepEqual((await readdir(cwd)).sort(), ['var'], 'and nowhere else');
  for (const name of files) {
    const { mode } = await stat(join(cwd, 'var', name));
    t.is(mode & 0o077, 0, `${name} is for the owner only`);
    const content = await readFile(join(cwd, 'var', name)).catch(() => Buffer.alloc(0));
    t.false(content.includes(password), `${name} does not hold the password`);
  }

  await first.stop('SIGTERM');
  t.is(first.exit(), 0);
  const second = launchSallyport(args, { cwd });
  t.teardown(() => second.stop('SIGKILL'));
  await eventually('the gateway serves again', isServing(port));
  t.is((await visitor.navigate('/private/x')).status, 200, 'the session outlived the restart');
  t.is((await createVisitor(port).signIn('admin', password)).status, 303, 'and so did the password');
  t.notRegex(second.output(), /password\s+\S{12,}/i);
  await second.stop('SIGTERM');
});

test.serial('listens on port 8080 when nothing else is said', async (t) => {
  t.timeout(100_000);
  if (await isTaken(8_080)) {
    t.log('port 8080 is taken on this machine');
    t.pass();
    return;
  }
  const app = await startStoryApp();
  t.teardown(app.stop);
  const cwd = await emptyFolder((end) => t.teardown(end));
  const command = launchSallyport(['start', '--upstream', app.origin], { cwd });
  t.teardown(() => command.stop('SIGKILL'));
  await eventually('the gateway serves', async () => {
    if (command.exit() !== null) throw new Error(command.output());
    return isServing(8_080)();
  });
  await eventually('the address is printed', () => command.output().includes('http://localhost:8080'));
  t.pass();
});

test.serial('starts beside another program on the default address of the admin listener', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  for (let count = 0; count < 2; count += 1) {
    const cwd = await emptyFolder((end) => t.teardown(end));
    const port = await freePort();
    const command = launchSallyport(['start', '--upstream', app.origin, '--listen', `127.0.0.1:${port}`], { cwd });
    t.teardown(() => command.stop('SIGKILL'));
    await eventually('the gateway serves', async () => {
      if (command.exit() !== null) throw new Error(command.output());
      return isServing(port)();
    });
    t.is(command.exit(), null);
    // Whoever has the address by now: the second comes too late.
    if (count === 1) await eventually('a warning', () => command.output().includes('admin.address-taken'));
  }
});

test.serial('says what is wrong and ends with 1 when the port is taken, 2 when the usage is wrong', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const cwd = await emptyFolder((end) => t.teardown(end));
  const taken = new URL(app.origin).port;
  const clash = await sallyport(['start', '--upstream', app.origin, '--listen', `127.0.0.1:${taken}`], {
    cwd,
    timeoutMs: 20_000,
  });
  t.is(clash.code, 1, clash.stderr);
  t.regex(clash.stderr + clash.stdout, new RegExp(`127\\.0\\.0\\.1:${taken}`));
  for (const args of [
    ['start', '--upstream', 'not a url'],
    ['start', '--upstream', app.origin, '--listen', 'nowhere'],
    ['start', '--config', join(cwd, 'missing.yaml')],
    ['start', '--unknown-option'],
    ['start'],
    ['unknown-command'],
  ]) {
    const ran = await sallyport(args, { cwd, timeoutMs: 20_000 });
    t.is(ran.code, 2, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`);
    t.true(ran.stderr.length > 0);
    t.notRegex(ran.stderr, /\n\s+at .*\.ts:\d+/, 'no stack for a user mistake');
  }
});
