import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { AccessTokenView } from '../../src/access-token/view.ts';
import { makeToken } from '../support/access-tokens.ts';
import { startGround } from '../support/attack-runner.ts';
import { runCommand } from '../support/command.ts';
import { makeDirectory } from '../support/temporary.ts';
import { passwordOf } from '../support/users.ts';
import { createVisitor, sendTo } from '../support/visitor.ts';

const origin = 'https://app.test';

/** A gateway on which alice has two tokens and bob one, and its command line. */
async function setUp(t: ExecutionContext) {
  const upstream = '{UP}';
  const ground = await startGround({
    server: { publicUrl: origin },
    routes: [{ id: 'app', host: 'app.test', path: '/app', upstream }],
  });
  t.teardown(ground.stop);
  const tokens: Record<string, string> = {};
  for (const [user, names] of [
    ['alice', ['laptop', 'phone']],
    ['bob', ['script']],
  ] as const) {
    const visitor = createVisitor(ground.gateway.port, { host: 'app.test', scheme: 'https' });
    await visitor.signIn(user, passwordOf(user));
    for (const name of names) tokens[name] = await makeToken(visitor, origin, { name });
  }
  const cwd = await makeDirectory(t);
  const listen = `127.0.0.1:${String(ground.gateway.adminPort)}`;
  await writeFile(
    join(cwd, 'x.yaml'),
    `admin: { listen: '${listen}' }\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`,
  );
  const token = (...args: readonly string[]) =>
    runCommand(['token', ...args.slice(0, 1), '--config', 'x.yaml', ...args.slice(1)], { cwd });
  const status = async (name: string) => {
    const headers = { authorization: `Bearer ${tokens[name] ?? ''}` };
    return (await sendTo(ground.gateway.port, '/app/x', { host: 'app.test', headers })).status;
  };
  const views = async (...args: readonly string[]) => {
    const { stdout } = await token('list', '--json', ...args);
    return (JSON.parse(stdout) as { readonly tokens: readonly AccessTokenView[] }).tokens;
  };
  return { ground, token, status, views, tokens };
}

test('lists tokens with owner, end and last use, and nothing that opens anything', async (t) => {
  const { token, status, views, tokens } = await setUp(t);
  await status('laptop');
  const { code, stdout } = await token('list');
  t.is(code, 0);
  const [head = '', ...rows] = stdout.trimEnd().split('\n');
  t.regex(head, /^ID +USER +NAME +MADE +ENDS +LAST USED +FROM +ROUTES +METHODS$/);
  t.is(rows.length, 3);
  t.regex(rows.find((row) => row.includes('laptop')) ?? '', /alice +laptop .*127\.0\.0\.1 +all +all$/);
  t.regex(rows.find((row) => row.includes('phone')) ?? '', /never/);
  for (const text of Object.values(tokens)) t.false(stdout.includes(text.slice(4, 20)));
  t.deepEqual((await views('--user', 'ALICE')).map(({ name }) => name).toSorted(), ['laptop', 'phone']);
  t.deepEqual(await views('--user', 'nobody'), []);
});

test('revokes one by the beginning of its ID, those of a user, or all', async (t) => {
  const { ground, token, status, views } = await setUp(t);
  const phone = (await views()).find(({ name }) => name === 'phone')!;
  t.is((await token('revoke', '--', phone.id.slice(0, 12))).stdout, 'revoked 1 access token\n');
  t.deepEqual([await status('phone'), await status('laptop')], [401, 200]);
  t.is((await token('revoke', '--', phone.id)).code, 1);
  t.is((await token('revoke', '--user', 'alice')).stdout, 'revoked 1 access token\n');
  t.deepEqual([await status('laptop'), await status('script')], [401, 200]);
  t.is((await token('revoke', '--all')).stdout, 'revoked 1 access token\n');
  t.is(await status('script'), 401);
  t.is((await token('list')).stderr, 'no access tokens\n');
  const revoked = ground.gateway.logs().filter((line) => line.includes('"event":"access-token.revoked"'));
  t.is(revoked.length, 3);
});

test('names what is wrong with the command line', async (t) => {
  const { token } = await setUp(t);
  for (const args of [[], ['x'], ['abcd', '--all'], ['--all', '--user', 'alice'], ['not an id']]) {
    const { code, stderr } = await token('revoke', ...args);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, /ID/);
  }
});
