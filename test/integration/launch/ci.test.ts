import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { run } from '../../support/programs.ts';
import type { Ran } from '../../support/programs.ts';

const source = new URL('../../../', import.meta.url);
const fine = 'process.exitCode = 0;';

interface Tools {
  readonly tsc?: string;
  readonly eslint?: string;
  readonly prettier?: string;
  readonly ava: string;
}

/** Runs `.ci/run` in a checkout whose tools are small scripts. */
async function ci(t: ExecutionContext, tools: Tools): Promise<Ran & { readonly lastLine: string }> {
  const root = await mkdtemp(join(tmpdir(), 'sallyport-ci-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const folder of ['.ci', 'test', 'bin', 'node_modules/.bin'])
    await mkdir(join(root, folder), { recursive: true });
  for (const file of ['.ci/run', 'test/run.mjs'])
    await copyFile(fileURLToPath(new URL(file, source)), join(root, file));
  await writeFile(join(root, 'package.json'), JSON.stringify({ scripts: { test: 'node test/run.mjs' } }));
  for (const [name, script] of Object.entries({ tsc: fine, eslint: fine, prettier: fine, ...tools }))
    await writeFile(join(root, 'node_modules/.bin', name), script);
  // Nothing is missing on this machine, so that nothing is installed.
  for (const name of ['redis-server', 'chromium', 'apache2', 'git', 'litmus', 'nginx', 'caddy']) {
    await writeFile(join(root, 'bin', name), '');
    await chmod(join(root, 'bin', name), 0o755);
  }
  const ran = await run(join(root, '.ci/run'), [], {
    env: { PATH: [join(root, 'bin'), process.env['PATH']].join(delimiter), HOME: root },
  });
  return { ...ran, lastLine: ran.stdout.trimEnd().split('\n').at(-1) ?? '' };
}

const tap = (...lines: readonly string[]): string => `console.log(${JSON.stringify(lines.join('\n'))});`;

test('counts what passed, exit code 0', async (t) => {
  const { lastLine, code } = await ci(t, {
    ava: tap('TAP version 13', 'ok 1 - a › b', 'ok 2 - c', '1..2', '# pass 2'),
  });
  t.is(lastLine, '2 passed, 0 failed');
  t.is(code, 0);
});

test('counts what failed and what was skipped', async (t) => {
  const lines = [
    'ok 1 - a',
    'not ok 2 - b',
    '  ---',
    '  ok 3 - within',
    '  ...',
    'ok 4 - c # SKIP',
    'ok 5 - # SKIPPER',
  ];
  const { lastLine, code } = await ci(t, { ava: `${tap(...lines)} process.exitCode = 1;` });
  t.is(lastLine, '2 passed, 1 failed, 1 skipped');
  t.is(code, 1);
});

test('fails with types, lint or format, and shows what they say', async (t) => {
  for (const name of ['tsc', 'eslint', 'prettier'] as const) {
    const broken = `console.log('something is wrong'); process.exitCode = 1;`;
    const { lastLine, code, stdout } = await ci(t, { [name]: broken, ava: tap('ok 1 - a') });
    t.is(lastLine, '1 passed, 1 failed', name);
    t.is(code, 1);
    t.regex(stdout, /^# {3}something is wrong$/m);
  }
});

test('fails when no test ran, and when the tests end without owning up to a failure', async (t) => {
  const none = await ci(t, { ava: tap('TAP version 13', '1..0') });
  t.is(none.lastLine, '0 passed, 0 failed');
  t.is(none.code, 1);
  const crashed = await ci(t, { ava: `${tap('ok 1 - a')} process.exitCode = 1;` });
  t.is(crashed.lastLine, '1 passed, 1 failed');
  t.is(crashed.code, 1);
});
