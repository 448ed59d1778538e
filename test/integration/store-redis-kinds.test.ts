import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hasCode } from '../../src/errors.ts';
import { createSessionStore } from '../../src/session/store.ts';
import type { NewSession, SessionStore } from '../../src/session/session.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { endChild, eventually, findProgram, freePort, run } from '../support/programs.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { makeDirectory } from '../support/temporary.ts';

const redisTest = hasRedis ? test : test.skip;
const tlsTest = hasRedis && findProgram('openssl') !== null ? test : test.skip;
const secret = randomBytes(32);
const config = { idleTimeoutMs: 3_600_000, lifetimeMs: 43_200_000, rememberForMs: 0 };
const input: NewSession = {
  identity: {
    user: 'ann',
    name: 'Ann',
    email: '',
    groups: [],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'ann',
  },
  site: 'app.test',
  remembered: false,
  amr: ['pwd'],
  address: '',
  userAgent: '',
  credential: '',
};

async function open(t: ExecutionContext, url: string): Promise<{ store: Store; sessions: SessionStore }> {
  const runtime = createTestRuntime(Date.now());
  const store = await openStore({ url, secret, runtime });
  t.teardown(() => store.close());
  await eventually('the event channel stands', () => store.events.isCurrent());
  return { store, sessions: createSessionStore({ store, secret, config, runtime }) };
}

/** The whole life of sessions, seen by two processes. */
async function works(t: ExecutionContext, url: string): Promise<void> {
  const one = await open(t, url);
  const other = await open(t, url);
  const made = await Promise.all(Array.from({ length: 20 }, () => one.sessions.create(input)));
  for (const { token } of made) t.is((await other.sessions.find(token))?.identity.user, 'ann');
  t.is((await other.sessions.list('ann')).length, 20);
  const all = [];
  for await (const session of other.sessions.listAll()) all.push(session);
  t.is(all.length, 20);
  const [first] = made;
  t.true(await one.sessions.end(first!.session.id, 'signed-out'));
  t.is(await other.sessions.find(first!.token), null);
  t.is(await other.sessions.endUser('ann', 'revoked'), 19);
  for (const { token } of made) t.is(await one.sessions.find(token), null);
  t.is((await one.store.counters.add('c', 2, 60_000)).count, 2);
  t.is((await other.store.counters.add('c', 1, 60_000)).count, 3);
  const keyv = one.store.namespace('cleared');
  await Promise.all(Array.from({ length: 30 }, (_, index) => keyv.set(`k${index}`, index)));
  await keyv.clear();
  t.is(await other.store.namespace('cleared').get('k7'), undefined);
  await t.notThrowsAsync(other.store.check());
}

redisTest('works on a Redis Cluster', async (t) => {
  const redis = await startRedis(['--cluster-enabled', 'yes']);
  t.teardown(redis.stop);
  await redis.command('CLUSTER ADDSLOTSRANGE 0 16383');
  await eventually('the cluster stands', async () =>
    (await redis.command('CLUSTER INFO')).includes('cluster_state:ok'),
  );
  const url = `${redis.url}?cluster=true`;
  await works(t, url);

  const { store, sessions } = await open(t, url);
  const { token } = await sessions.create(input);
  redis.freeze();
  const startMs = performance.now();
  const error = await t.throwsAsync(store.namespace('session').get('k'));
  t.true(hasCode(error, 'store-unavailable'));
  t.true(performance.now() - startMs < 1_500);
  await eventually('the loss is noticed', () => !store.events.isCurrent(), { timeoutMs: 3_000 });
  redis.thaw();
  await eventually('the channel stands again', () => store.events.isCurrent());
  await eventually('the session is found again', async () => {
    try {
      return (await sessions.find(token)) !== null;
    } catch {
      return false;
    }
  });
});

redisTest('works behind Sentinel, and follows it to another master', async (t) => {
  const master = await startRedis();
  t.teardown(master.stop);
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)]);
  t.teardown(replica.stop);
  await eventually('the replica follows', async () =>
    (await replica.command('INFO replication')).includes('master_link_status:up'),
  );
  const port = await freePort();
  const file = join(await makeDirectory(t), 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
      '',
    ].join('\n'),
  );
  const sentinel = spawn(findProgram('redis-server')!, [file, '--sentinel'], { stdio: 'ignore' });
  t.teardown(() => endChild(sentinel, 'SIGKILL'));
  const cli = (...args: string[]) => run(findProgram('redis-cli')!, ['-p', String(port), ...args]);
  await eventually(
    'the sentinel knows the replica',
    async () => (await cli('SENTINEL', 'REPLICAS', 'main')).stdout.includes(String(replica.port)),
    { timeoutMs: 20_000 },
  );
  const url = `redis://127.0.0.1:${port}?sentinel=main`;
  await works(t, url);

  const { store, sessions } = await open(t, url);
  const { token } = await sessions.create(input);
  await eventually('the replica has it', async () => (await replica.command('KEYS *')).includes('record:session::'));
  await master.halt();
  await eventually(
    'the session is found on the other master',
    async () => {
      try {
        return (await sessions.find(token)) !== null && store.events.isCurrent();
      } catch (error) {
        t.true(hasCode(error, 'store-unavailable'), String(error));
        return false;
      }
    },
    { timeoutMs: 30_000, everyMs: 200 },
  );
  t.truthy(await sessions.create(input));
});

tlsTest('speaks TLS with servers that the named certificates vouch for, and with no others', async (t) => {
  const folder = await makeDirectory(t);
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', certificate],
    ...subject,
  ]);
  t.is(made.code, 0, made.stderr);
  const port = await freePort();
  const redis = await startRedis([
    ...['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key],
    ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'],
  ]);
  t.teardown(redis.stop);
  await works(t, `rediss://127.0.0.1:${port}?ca=${encodeURIComponent(certificate)}`);

  const stranger = await openStore({ url: `rediss://127.0.0.1:${port}`, secret, runtime: createTestRuntime() });
  t.teardown(() => stranger.close());
  t.true(hasCode(await t.throwsAsync(stranger.check()), 'store-unavailable'));
  const missing = openStore({ url: 'rediss://127.0.0.1?ca=/nowhere/ca.pem', secret, runtime: createTestRuntime() });
  t.true(hasCode(await t.throwsAsync(missing), 'config-invalid'));
});
