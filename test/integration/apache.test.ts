import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeToken } from '../support/access-tokens.ts';
import { hasApache, startApache } from '../support/apache.ts';
import type { Apache } from '../support/apache.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { findProgram, run } from '../support/programs.ts';
import { createVisitor, sendTo } from '../support/visitor.ts';

// Debian's Apache, as it is installed, behind the gateway: git over smart HTTP, WebDAV, and a CGI that believes a header.
const withApache = hasApache ? test.serial : test.serial.skip;
const withLitmus = hasApache && findProgram('litmus') !== null ? test.serial : test.serial.skip;

const password = 'correct horse battery staple';
const basic = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;

let apache: Apache;
let gateway: TestGateway;

test.before(async () => {
  if (!hasApache) return;
  apache = await startApache();
  gateway = await startTestGateway({
    config: {
      log: { level: 'error', access: false },
      routes: [
        { id: 'programs', path: '/git', upstream: apache.origin, acceptBasic: true },
        { id: 'tokens', path: '/git/token.git', upstream: apache.origin },
        { id: 'files', path: '/dav', upstream: apache.origin, acceptBasic: true },
        { id: 'app', path: '/cgi', upstream: apache.origin },
        { id: 'open', path: '/cgi/open', upstream: apache.origin, access: 'public' },
      ],
    },
    users: JSON.stringify({
      users: {
        alice: { name: 'Alice', email: 'alice@example.test', groups: ['users'], password: await hashOf(password) },
      },
    }),
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await apache?.stop();
});

withApache('pushes and clones a repository of 50 MiB over smart HTTP', async (t) => {
  t.timeout(110_000);
  await apache.addRepository('big.git');
  const source = join(apache.folder, 'source');
  const copy = join(apache.folder, 'copy');
  await mkdir(source);
  // Random, so that no layer can shrink it.
  const content = randomBytes(50 * 1024 * 1024);
  await writeFile(join(source, 'blob'), content);
  const env = {
    ...process.env,
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Alice',
    GIT_AUTHOR_EMAIL: 'alice@example.test',
    GIT_COMMITTER_NAME: 'Alice',
    GIT_COMMITTER_EMAIL: 'alice@example.test',
  };
  const git = async (cwd: string, ...args: string[]) => {
    const ran = await run('git', ['-c', 'core.compression=0', ...args], { cwd, env, timeoutMs: 90_000 });
    if (ran.code !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr}\n${await apache.errorLog()}`);
    return ran;
  };
  const url = `http://alice:${encodeURIComponent(password)}@127.0.0.1:${gateway.port}/git/big.git`;
  await git(source, 'init', '--quiet', '--initial-branch=main');
  await git(source, 'add', 'blob');
  await git(source, 'commit', '--quiet', '--message', 'one big file');
  await git(source, 'push', '--quiet', url, 'main');
  await git(apache.folder, 'clone', '--quiet', url, copy);
  t.true(content.equals(await readFile(join(copy, 'blob'))));
});

withApache('tells git with 401 and a Basic challenge that it must sign in, and refuses a wrong password', async (t) => {
  const refused = await sendTo(gateway.port, '/git/none.git/info/refs?service=git-upload-pack', {
    headers: { 'user-agent': 'git/2.50', accept: '*/*' },
  });
  t.is(refused.status, 401);
  t.regex(String(refused.headers['www-authenticate']), /^Basic realm="[^"]+"/);
  const ran = await run('git', ['ls-remote', `http://alice:wrong@127.0.0.1:${gateway.port}/git/big.git`], {
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' },
  });
  t.not(ran.code, 0);
  t.regex(ran.stderr, /Authentication failed/);
});

withApache('lets git in with an access token for a password, where no password would do', async (t) => {
  await apache.addRepository('token.git');
  const visitor = createVisitor(gateway.port);
  await visitor.signIn('alice', password);
  const token = await makeToken(visitor, `http://127.0.0.1:${gateway.port}`);
  const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' };
  const lsRemote = (secret: string) =>
    run('git', ['ls-remote', `http://alice:${encodeURIComponent(secret)}@127.0.0.1:${gateway.port}/git/token.git`], {
      env,
    });
  t.is((await lsRemote(token)).code, 0);
  t.not((await lsRemote(password)).code, 0);
});

/** Name of each litmus test with its outcome: `copymove/copy_simple: pass`. Outcomes are rewritten lines of a terminal. */
function outcomes(stdout: string): string[] {
  let suite = '';
  const found: string[] = [];
  for (const line of stdout.split(/[\n\r]/)) {
    suite = /^-> running `(\w+)':/.exec(line)?.[1] ?? suite;
    const outcome = /^\s*\d+\. (\w+)\.*\s+(pass|FAIL|SKIPPED)/.exec(line);
    if (outcome !== null) found.push(`${suite}/${outcome[1]}: ${outcome[2]}`);
  }
  return found;
}

withLitmus('passes every litmus test of WebDAV that Apache passes by itself', async (t) => {
  t.timeout(100_000);
  const litmus = (origin: string) =>
    run('litmus', [`${origin}/dav/`, 'alice', password], { cwd: apache.folder, timeoutMs: 50_000 });
  const direct = await litmus(apache.origin);
  const through = await litmus(`http://127.0.0.1:${gateway.port}`);
  t.is(through.code, 0, through.stdout);
  t.notRegex(through.stdout, /FAIL|SKIPPED/);
  t.deepEqual(outcomes(through.stdout), outcomes(direct.stdout));
  const totals = [...through.stdout.matchAll(/of (\d+) tests run: (\d+) passed, (\d+) failed/g)];
  t.is(totals.length, 5);
  for (const [line, count, passed, failed] of totals) {
    t.is(passed, count, line);
    t.is(failed, '0', line);
  }
});

withApache('gives a CGI that trusts the identity header only the name that the gateway vouches for', async (t) => {
  const visitor = createVisitor(gateway.port);
  const signedIn = await visitor.signIn('alice', password, { returnTo: '/cgi/identity' });
  t.is(signedIn.status, 303);
  const forgeries: Record<string, string | string[]>[] = [
    {},
    { 'Remote-User': 'admin' },
    { Remote_User: 'admin', REMOTE_GROUPS: 'admins' },
    { 'Remote.User': 'admin', 'Remote.Groups': 'admins' },
    { 'Remote-_User': 'admin', 'Remote_.User': 'admin', 'REMOTE-USER': 'admin' },
    { 'Remote-User': ['admin', 'root', 'alice'] },
    { connection: 'close, Remote-User, Remote-Groups', 'Remote-User': 'admin' },
    { expect: '100-continue', 'Remote-User': 'admin', Remote_User: 'admin' },
    { Remote_Email: 'admin@example.test', 'Remote.Email': 'admin@example.test' },
  ];
  for (const headers of forgeries) {
    const known = await visitor.send('/cgi/identity', { headers });
    t.is(known.status, 200, JSON.stringify(headers));
    const lines = known.text.split('\n');
    t.true(lines.includes('user=alice'), known.text);
    t.true(lines.includes('groups=users'), known.text);
    t.true(lines.includes('email=alice@example.test'), known.text);
    t.notRegex(known.text, /admin|root/i);
    const unknown = await sendTo(gateway.port, '/cgi/open', { headers });
    t.is(unknown.status, 200, JSON.stringify(headers));
    t.true(unknown.text.split('\n').includes('user='), unknown.text);
    t.notRegex(unknown.text, /admin|root|alice/i);
  }
});

withApache('keeps its own cookie and the Basic credential that it used from the CGI', async (t) => {
  const visitor = createVisitor(gateway.port);
  await visitor.signIn('alice', password);
  const reply = await visitor.send('/cgi/identity', {
    headers: { cookie: `app=1; ${visitor.tokenName()}=${visitor.token()}; theme="dark"` },
  });
  t.regex(reply.text, /^cookie=app=1; theme="dark"$/m);
  t.false(reply.text.includes(visitor.token() ?? 'no token'));
  const viaBasic = await sendTo(gateway.port, '/git/identity', {
    headers: { authorization: basic },
  });
  t.is(viaBasic.status, 200);
  t.regex(viaBasic.text, /^user=alice$/m);
  t.regex(viaBasic.text, /^authorization=$/m);
});
