import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { run } from '../../support/programs.ts';
import type { Ran } from '../../support/programs.ts';

/** Stands in for npm: writes down how it was called and makes what npm would make. */
const npm = `
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const [command, ...args] = process.argv.slice(2);
const calls = join(process.cwd(), 'npm-calls');
appendFileSync(calls, 'begin ' + [command, ...args].join(' ') + '\\n');
setTimeout(() => {
  if (process.env.NPM_FAILS) process.exit(1);
  mkdirSync('node_modules/.bin', { recursive: true });
  if (command === 'install') {
    const name = args.find((arg) => arg.startsWith('node-')).split('@')[0];
    const bin = join(args[args.indexOf('--prefix') + 1], 'node_modules', name, 'bin');
    mkdirSync(bin, { recursive: true });
    // A Node that says it is new enough and for the rest is the one at hand.
    const script = '#!/bin/sh\\n[ "$1" = --version ] && echo v99.1.0 || exec ' + process.execPath + ' "$@"\\n';
    writeFileSync(join(bin, 'node'), script, { mode: 0o755 });
  }
  appendFileSync(calls, 'end\\n');
}, 200);
`;

interface Checkout {
  readonly root: string;
  readonly launch: (args: readonly string[], env?: Record<string, string>) => Promise<Ran>;
  readonly npmCalls: () => Promise<readonly string[]>;
  readonly env: (more?: Record<string, string>) => Record<string, string>;
}

async function checkout(t: ExecutionContext, engines = '>=20.0.0'): Promise<Checkout> {
  const root = await mkdtemp(join(tmpdir(), 'sallyport-launch-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const folder of ['src', 'test', 'src/demo']) await mkdir(join(root, folder), { recursive: true });
  await copyFile(fileURLToPath(new URL('../../../src/launch.mjs', import.meta.url)), join(root, 'src/launch.mjs'));
  await writeFile(join(root, 'package.json'), JSON.stringify({ type: 'module', engines: { node: engines } }));
  await writeFile(join(root, 'package-lock.json'), '{}');
  await writeFile(join(root, 'npm.cjs'), npm);
  await writeFile(join(root, 'test/run.mjs'), 'console.log("test", ...process.argv.slice(2)); process.exitCode = 7;');
  const cli = 'console.log(process.argv.slice(2).join(" "), process.env.SALLYPORT_DEMO_URL ?? "no demo");';
  await writeFile(join(root, 'src/cli.ts'), cli);
  const demo = 'console.log("demo on http://127.0.0.1:1234"); setInterval(() => {}, 1000);';
  await writeFile(join(root, 'src/demo/main.mjs'), demo);
  const env = (more = {}): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    npm_execpath: join(root, 'npm.cjs'),
    ...more,
  });
  return {
    root,
    env,
    launch: (args, more) => run(process.execPath, [join(root, 'src/launch.mjs'), ...args], { env: env(more) }),
    npmCalls: async () => {
      const text = await readFile(join(root, 'npm-calls'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line !== '');
    },
  };
}

test('installs what is missing once, hands over and passes the exit code on', async (t) => {
  const { launch, npmCalls } = await checkout(t);
  const first = await launch(['test', 'a.test.ts']);
  t.is(first.stdout, 'test a.test.ts\n');
  t.is(first.code, 7);
  t.regex(first.stderr, /installing dependencies/);
  const second = await launch(['test']);
  t.is(second.stderr, '');
  t.is((await npmCalls()).filter((line) => line.startsWith('begin ci --include=dev --include=optional')).length, 1);
});

test('installs again when the lock file changed', async (t) => {
  const { root, launch, npmCalls } = await checkout(t);
  await launch(['test']);
  await writeFile(join(root, 'package-lock.json'), '{"changed":true}');
  await launch(['test']);
  t.is((await npmCalls()).filter((line) => line.startsWith('begin ci')).length, 2);
});

test('lets one of two starts at once install, and the other wait', async (t) => {
  const { launch, npmCalls } = await checkout(t);
  const both = await Promise.all([launch(['test']), launch(['test']), launch(['test'])]);
  t.deepEqual(
    both.map(({ code }) => code),
    [7, 7, 7],
  );
  t.is((await npmCalls()).length, 2);
});

test('is not held up by a lock that a dead process left', async (t) => {
  const { root, launch } = await checkout(t);
  const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => dead.once('close', resolve));
  await writeFile(join(root, '.launch.lock'), String(dead.pid));
  t.is((await launch(['test'])).code, 7);
});

test('brings a Node when the present one is too old, and finds it the next time', async (t) => {
  const { root, launch, npmCalls } = await checkout(t, '^99.0.1 || >=100.0.0');
  const first = await launch(['start', '--upstream', 'http://a']);
  t.is(first.code, 0, first.stderr);
  t.is(first.stdout, 'start --upstream http://a no demo\n');
  const name = `node-${process.platform}-${process.arch}`;
  const expected = `begin install --no-save --no-package-lock --prefix ${join(root, 'node_modules/.runtime')} ${name}@^99.0.1`;
  t.true((await npmCalls()).some((line) => line.startsWith(expected)));
  const linked = await run(join(root, 'node_modules/.bin/node'), ['--version']);
  t.is(linked.stdout, 'v99.1.0\n');
  t.is((await launch(['start', '--help'])).stderr, '');
  t.is((await npmCalls()).length, 4);
});

test('brings no second Node when the present one is fine', async (t) => {
  const { launch, npmCalls } = await checkout(t);
  await launch(['test']);
  t.false((await npmCalls()).some((line) => line.startsWith('begin install')));
});

test('leaves a node_modules alone that is a link', async (t) => {
  const { root, launch, npmCalls } = await checkout(t);
  await mkdir(join(root, 'shared'));
  await symlink('shared', join(root, 'node_modules'));
  t.is((await launch(['test'])).code, 7);
  t.deepEqual(await npmCalls(), []);
});

test('says plainly what is wrong when npm fails, exit code 2', async (t) => {
  const { launch } = await checkout(t);
  const { code, stderr } = await launch(['test'], { NPM_FAILS: '1' });
  t.is(code, 2);
  t.regex(stderr, /npm ci\) failed; is the package registry reachable\?\n$/);
});

test('starts the demo app behind the gateway unless something else is named', async (t) => {
  const { launch } = await checkout(t);
  t.is((await launch(['start'])).stdout, 'start http://127.0.0.1:1234\n');
  t.is((await launch(['start', '--listen', ':1'])).stdout, 'start --listen :1 http://127.0.0.1:1234\n');
  t.is((await launch(['start', '--config', 'x'])).stdout, 'start --config x no demo\n');
  t.is((await launch(['start', '--config=x'])).stdout, 'start --config=x no demo\n');
  t.is((await launch(['start'], { SALLYPORT_CONFIG: 'x' })).stdout, 'start no demo\n');
});

test('hands signals on, and ends the demo app with the gateway', async (t) => {
  const { root, launch, env } = await checkout(t);
  await launch(['test']);
  await writeFile(
    join(root, 'src/cli.ts'),
    `process.on('SIGTERM', () => { console.log('drained'); process.exit(0); }); console.log('up'); setInterval(() => {}, 1000);`,
  );
  await writeFile(
    join(root, 'src/demo/main.mjs'),
    `import { writeFileSync } from 'node:fs';
     process.on('SIGTERM', () => { writeFileSync('demo-ended', ''); process.exit(0); });
     console.log('demo on http://127.0.0.1:1234'); setInterval(() => {}, 1000);`,
  );
  await chmod(join(root, 'src/demo/main.mjs'), 0o644);
  const child = spawn(process.execPath, [join(root, 'src/launch.mjs'), 'start'], { env: env() });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    if (printed === 'up\n') child.kill('SIGTERM');
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.is(code, 0);
  t.is(printed, 'up\ndrained\n');
  t.is(await eventuallyRead(join(root, 'demo-ended')), '');
});

async function eventuallyRead(file: string): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${file} never appeared`);
}
