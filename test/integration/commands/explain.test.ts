import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCommand } from '../../support/command.ts';

const config = `
server: { publicUrl: https://app.test, trustedProxies: [127.0.0.1] }
store: { url: 'memory:' }
signIn: { local: { users: ./users.yaml } }
routes:
  - id: wiki
    host: wiki.test
    upstream: http://127.0.0.1:3000
    access:
      - deny: anyone
        when: { networks: 203.0.113.0/24 }
      - allow: anyone
        when: { paths: [/static/**], methods: GET }
      - deny: anyone
        when: { paths: /admin/** }
      - allow: { groups: editors }
  - { id: moved, path: /moved, upstream: 'http://127.0.0.1:3002', upstreamPath: /apps/moved, access: public }
  - { id: old, path: /old, redirect: { to: 'https://new.test/', keepPath: true }, access: public }
  - { id: gone, path: /gone, respond: { status: 410 } }
  - { id: vault, path: /vault, upstream: 'http://127.0.0.1:3001', access: second-factor }
`;

const users = `
users:
  alice: { groups: [editors] }
  bob: { groups: [guests] }
  dave: { groups: [editors], disabled: true }
`;

async function explain(t: ExecutionContext, ...args: readonly string[]) {
  const cwd = await mkdtemp(join(tmpdir(), 'sallyport-explain-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  await writeFile(join(cwd, 'sallyport.yaml'), config);
  await writeFile(join(cwd, 'users.yaml'), users);
  return runCommand(['explain', '--config', 'sallyport.yaml', ...args], { cwd });
}

/** The last line, which tells the answer. */
async function answerTo(t: ExecutionContext, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await explain(t, ...args);
  t.is(code, 0, stderr);
  const [, answer = ''] = /^answer +(.*)\n$/m.exec(stdout) ?? [];
  return answer;
}

test('explain tells route, rules and answer', async (t) => {
  t.deepEqual(await explain(t, '--user', 'Alice', 'POST', 'https://wiki.test/x?y'), {
    code: 0,
    stderr: '',
    stdout: [
      'request POST https://wiki.test/x?y from 127.0.0.1',
      'visitor alice (groups editors)',
      'route   wiki (routes[0]): wiki.test -> http://127.0.0.1:3000',
      'rule    0  deny anyone, when networks 203.0.113.0/24',
      '             does not fit: client address 127.0.0.1 is none of networks 203.0.113.0/24',
      'rule    1  allow anyone, when paths /static/** and methods GET',
      '             does not fit: path /x is none of paths /static/**',
      'rule    2  deny anyone, when paths /admin/**',
      '             does not fit: path /x is none of paths /admin/**',
      'rule => 3  allow groups editors',
      '             decides: it fits',
      'answer  forwarded as alice (allowed)',
      '',
    ].join('\n'),
  });
});

test('explain tells of another path in the app, and of routes that answer by themselves', async (t) => {
  const lineOf = async (path: string): Promise<string> =>
    /^route +(.*)$/m.exec((await explain(t, 'GET', `https://app.test${path}`)).stdout)?.[1] ?? '';
  t.is(
    await lineOf('/moved/x'),
    'moved (routes[1]): every host /moved -> http://127.0.0.1:3002, /moved as /apps/moved',
  );
  t.is(
    await lineOf('/old/x'),
    'old (routes[2]): every host /old -> a redirect, 302, to https://new.test/ and what stands behind',
  );
  t.is(await lineOf('/gone'), 'gone (routes[3]): every host /gone -> an answer of its own, 410');
  t.is(await answerTo(t, 'GET', '/old/x'), '302 from the route itself (allowed-anyone)');
  t.is(await answerTo(t, '--user', 'alice', 'GET', '/gone'), '410 from the route itself (allowed)');
  t.regex(await answerTo(t, 'GET', '/moved//x'), /^400 \(double-slash-behind-prefix\)$/);
});

test('explain answers as the gate does', async (t) => {
  t.is(await answerTo(t, 'GET', 'https://wiki.test/'), 'sign-in page for a browser, 401 for a program (not-signed-in)');
  t.is(await answerTo(t, 'GET', 'https://wiki.test/static/a'), 'forwarded without an identity (allowed-anyone)');
  t.is(await answerTo(t, '--user', 'bob', 'GET', 'https://wiki.test/'), '403 (denied)');
  t.is(await answerTo(t, '--from', '203.0.113.9', 'GET', 'https://wiki.test/static/a'), '403 (denied)');
  t.is(await answerTo(t, 'GET', 'https://other.test/'), '404 (no-route)');
  t.regex(await answerTo(t, 'GET', 'https://wiki.test/a%2fb'), /^400 \(encoded-slash\)/);
  t.regex(await answerTo(t, 'GET', 'https://wiki.test/a/../b'), /^400 dot-segment/);
  t.regex(await answerTo(t, 'GET', 'https://wiki.test:99999/'), /^400 bad-host/);
  t.regex(await answerTo(t, 'GET', '/_auth/sign-in'), /^one of our own pages/);
});

test('explain knows second factors', async (t) => {
  t.regex(await answerTo(t, '--user', 'bob', 'GET', '/vault/x'), /^led to the step.*second-factor-required/);
  t.is(await answerTo(t, '--user', 'bob', '--second-factor', 'GET', '/vault'), 'forwarded as bob (allowed)');
});

test('explain shows the other reading of a path that is judged more strictly', async (t) => {
  const { stdout } = await explain(t, '--user', 'alice', 'GET', 'https://wiki.test/ADMIN');
  t.regex(
    stdout,
    /^judged also as \/ADMIN without regard to case.*\n(.*\n)*rule => 2 {2}deny anyone.*\n(.*\n)*answer {2}403/m,
  );
  t.notRegex((await explain(t, 'GET', 'https://wiki.test/STATIC/a')).stdout, /judged also/);
});

test('explain refuses wrong usage with exit code 2', async (t) => {
  for (const args of [
    ['GET'],
    ['GET', 'foo'],
    ['--from', 'here', 'GET', '/'],
    ['--user', 'nobody', 'GET', '/'],
    ['--user', 'dave', 'GET', '/'],
    ['--second-factor', 'GET', '/'],
  ]) {
    const { code, stdout, stderr } = await explain(t, ...args);
    t.is(code, 2, args.join(' '));
    t.is(stdout, '');
    t.not(stderr, '');
  }
});

test('explain takes somebody from elsewhere at their word', async (t) => {
  const person = ['--user', 'Zoe', '--method', 'ldap'];
  const target = ['POST', 'https://wiki.test/x'];
  t.is(await answerTo(t, ...person, '--group', 'staff', '--group', 'editors', ...target), 'forwarded as zoe (allowed)');
  t.is(await answerTo(t, ...person, '--group', 'staff', ...target), '403 (denied)');
  // The gateway never knows of a second factor of theirs.
  for (const method of ['trusted-header', 'client-certificate', 'bearer'])
    t.regex(
      await answerTo(t, '--user', 'zoe', '--method', method, '--second-factor', 'GET', '/vault/x'),
      /second-factor-required/,
      method,
    );
  for (const [args, message] of [
    [['--user', 'alice', '--group', 'editors'], /stands in the file/],
    [['--group', 'editors'], /--group without --user/],
    [['--method', 'ldap'], /--method without --user/],
  ] as const) {
    const { code, stderr } = await explain(t, ...args, ...target);
    t.is(code, 2);
    t.regex(stderr, message);
  }
});
