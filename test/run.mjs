// What `npm test` runs: types, lint, format and all tests. With arguments only those tests:
// `npm test -- test/unit/config/load.test.ts`. Under CI (or with TAP=1) the tests speak TAP.

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const named = process.argv.slice(2);
const isTap = Boolean(process.env.CI || process.env.TAP);

/** Real programs that suites run beside the gateway: Debian's package, the program, and what is skipped without it. */
const programs = [
  { packageName: 'openssl', program: 'openssl', suites: 'TLS' },
  { packageName: 'slapd', program: 'slapd', suites: 'sign-in with OpenLDAP' },
  {
    packageName: 'samba samba-dsdb-modules samba-vfs-modules samba-ad-provision',
    program: 'samba',
    suites: 'sign-in with Active Directory',
    // Some releases cut the packages differently, which must not keep the others from being installed.
    isApart: true,
  },
  { packageName: 'redis-server', program: 'redis-server', suites: 'stores on Redis' },
  { packageName: 'chromium', program: 'chromium', suites: 'stories in the browser' },
  { packageName: 'apache2', program: 'apache2', suites: 'Apache as upstream (git, WebDAV, CGI)' },
  { packageName: 'git', program: 'git', suites: 'git over smart HTTP' },
  { packageName: 'litmus', program: 'litmus', suites: 'WebDAV by litmus' },
  { packageName: 'nginx-light', program: 'nginx', suites: 'the comparison with nginx' },
  { packageName: 'caddy', program: 'caddy', suites: 'the comparison with caddy' },
];

function hasProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function findMissing() {
  return programs.filter(({ program }) => !hasProgram(program));
}

/** As root on Debian (a container, a CI machine) brings what the suites run; elsewhere tells how to. */
function bringPrograms() {
  const missing = findMissing();
  if (missing.length === 0) return;
  const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version') && hasProgram('apt-get');
  if (canInstall) {
    const together = missing.filter(({ isApart }) => !isApart);
    for (const group of [together, ...missing.filter(({ isApart }) => isApart).map((program) => [program])])
      if (group.length > 0) aptInstall(group.flatMap(({ packageName }) => packageName.split(' ')));
  }
  const absent = findMissing();
  for (const { program, suites } of absent) console.log(`# skipped, as there is no ${program}: ${suites}`);
  if (absent.length > 0)
    console.log(`# to run them: apt-get install ${absent.map(({ packageName }) => packageName).join(' ')}`);
}

function aptInstall(names) {
  console.log(`# installing ${names.join(' ')}`);
  // Debian asks this script before it starts a service: none shall run that no test has started.
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  try {
    if (!apt('install', '-y', '--no-install-recommends', ...names))
      if (apt('update')) apt('install', '-y', '--no-install-recommends', ...names);
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}

/** Runs a tool of node_modules; resolves with its exit code. `onText` gets what it says, as it says it. */
function tool(name, args, onText) {
  const child = spawn(process.execPath, [join(root, 'node_modules', '.bin', name), ...args], {
    cwd: root,
    stdio: ['inherit', onText ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, FORCE_COLOR: process.stdout.isTTY && !isTap ? '1' : '0' },
  });
  child.stdout?.setEncoding('utf8').on('data', onText);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const checks = [
  { title: 'types', name: 'tsc', args: ['--noEmit'] },
  { title: 'lint', name: 'eslint', args: ['--max-warnings', '0', '.'] },
  { title: 'format', name: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
];

async function runChecks() {
  const failed = [];
  for (const { title, name, args } of checks) {
    const startedAt = Date.now();
    const lines = [];
    const code = await tool(name, args, (text) => lines.push(text));
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    console.log(`# ${title}: ${code === 0 ? 'fine' : 'FAILED'} (${seconds} s)`);
    if (code === 0) continue;
    failed.push(title);
    console.log(lines.join('').trimEnd().replaceAll(/^/gm, '#   '));
  }
  return failed;
}

/** Runs ava and counts what its TAP says. */
async function runTests() {
  const count = { passed: 0, failed: 0, skipped: 0 };
  if (!isTap) return { code: await tool('ava', named), count: null };
  let rest = '';
  const code = await tool('ava', ['--tap', ...named], (text) => {
    process.stdout.write(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (/^(not )?ok \d+.* # (SKIP|TODO)$/.test(line)) count.skipped += 1;
      else if (/^ok \d+/.test(line)) count.passed += 1;
      else if (/^not ok \d+/.test(line)) count.failed += 1;
    }
  });
  return { code, count };
}

if (named.length === 0) bringPrograms();
const failedChecks = named.length === 0 ? await runChecks() : [];
const { code, count } = await runTests();
const isFine = code === 0 && failedChecks.length === 0;
if (failedChecks.length > 0) console.log(`# failed besides the tests: ${failedChecks.join(', ')}`);
if (count) {
  // A check that failed, and an end that no test owned up to, count as failures too.
  const failed = count.failed + failedChecks.length + (code !== 0 && count.failed === 0 ? 1 : 0);
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`# result: ${count.passed} passed, ${failed} failed${skipped}`);
}
process.exitCode = isFine && (count === null || count.passed > 0) ? 0 : 1;
