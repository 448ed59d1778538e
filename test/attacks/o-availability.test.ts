import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createGrounds, declareAttacks, loadAttacks, settingOf } from '../support/attack-runner.ts';
import { isAlive, poll } from '../support/gateway.ts';
import { openFiles, residentBytes } from '../support/process-figures.ts';
import { openRaw, sendRaw } from '../support/raw.ts';
import { fetchSignInForm, postForm } from '../support/sign-in.ts';
import { passwordOf } from '../support/users.ts';

const setting = settingOf(import.meta.url);
const grounds = createGrounds(setting);
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('o'), { grounds });

const mebibyte = 1024 * 1024;
const get = (target: string, ...headers: string[]) =>
  `${[`GET ${target} HTTP/1.1`, 'Host: app.test', ...headers].join('\r\n')}\r\n\r\n`;

test.serial('O277 slow-read: a reader that stops reading costs no memory', async (t) => {
  const ground = await grounds.start('plain', { spawned: true });
  t.teardown(ground.stop);
  const { pid, port } = ground.gateway;
  let written = 0;
  t.teardown(
    ground.upstream.script('/public/big', (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(1024 * mebibyte)}\r\n\r\n`);
      const chunk = Buffer.alloc(65_536);
      const pour = () => {
        while (!socket.destroyed && written < 1024 * mebibyte) {
          written += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', pour);
      pour();
      return { kind: 'taken' };
    }),
  );
  await sendRaw(port, get('/public/warm'));
  const before = residentBytes(pid);
  const client = await openRaw(port);
  t.teardown(client.destroy);
  client.socket.once('data', () => client.socket.pause());
  client.write(get('/public/big'));
  let last = -1;
  let still = 0;
  await poll(() => {
    still = written === last ? still + 1 : 0;
    last = written;
    return written > 0 && still >= 15;
  });
  t.true(written < 64 * mebibyte, `${String(written)} bytes were taken from the upstream`);
  t.true(residentBytes(pid) - before < 50 * mebibyte);
  client.reset();
  await poll(() => ground.upstream.openSockets() <= 1);
});

test.serial(
  'O280 up-hang: an upstream that is down or resets is told as 502, and a broken body as an abort',
  async (t) => {
    const ground = await grounds.start('plain');
    t.teardown(ground.gateway.stop);
    const { port } = ground.gateway;
    const untakes = [
      ground.upstream.script('/public/reset', () => ({ kind: 'drop' })),
      ground.upstream.script('/public/half', (_request, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf', () => socket.resetAndDestroy());
        return { kind: 'taken' };
      }),
    ];
    t.is((await sendRaw(port, get('/public/reset'))).answers[0]?.status, 502);
    const half = await sendRaw(port, get('/public/half'), { untilClosed: true });
    t.true(half.closed);
    t.true(half.answers.length === 0 || half.answers[0]?.status === 502);
    for (const untake of untakes) untake();
    t.is((await sendRaw(port, get('/public/x'))).answers[0]?.status, 200);
    await ground.upstream.stop();
    t.is((await sendRaw(port, get('/public/x'))).answers[0]?.status, 502);
    t.true(await isAlive(port));
  },
);

test.serial('O281 fd-leak: aborted requests and upgrades give their descriptors back', async (t) => {
  const ground = await grounds.start('plain', { spawned: true });
  t.teardown(ground.stop);
  const { pid, port } = ground.gateway;
  const { cookie } = await ground.session('alice');
  t.teardown(ground.upstream.script('/private/hang', () => ({ kind: 'taken' })));
  await Promise.all(Array.from({ length: 20 }, () => sendRaw(port, get('/public/warm'))));
  const before = openFiles(pid);
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const abort = async (index: number) => {
    const client = await openRaw(port);
    const target = index % 2 === 0 ? '/private/hang' : '/private/x';
    if (index % 6 === 0) client.write(get('/ws', `Cookie: ${cookie}`, ...upgrade));
    else if (index % 6 === 1)
      client.write(
        `POST ${target} HTTP/1.1\r\nHost: app.test\r\nCookie: ${cookie}\r\nContent-Length: 9999\r\n\r\nhalf`,
      );
    else client.write(get(target, `Cookie: ${cookie}`));
    if (index % 4 === 0) await client.until((bytes) => bytes.length > 0, 100).catch(() => undefined);
    client.reset();
  };
  for (let round = 0; round < 30; round += 1) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => abort(round * 20 + index)));
  }
  await poll(() => openFiles(pid) <= before + 10);
  await poll(() => ground.upstream.openSockets() <= 25);
  t.true(await isAlive(port));
});

test.serial('O282 garbage: random and mutated bytes leave the same process and its memory as they were', async (t) => {
  const ground = await grounds.start('plain', { spawned: true });
  t.teardown(ground.stop);
  const { pid, port } = ground.gateway;
  const { cookie } = await ground.session('alice');
  let seed = 20_261_123;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const seeds = [
    get('/private/x', `Cookie: ${cookie}`),
    get('/public/x?y=1', 'Accept: text/html', 'Expect: 100-continue'),
    `POST /private/x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nCookie: ${cookie}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `POST /_auth/sign-in HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30\r\n\r\nusername=alice&password=wrong1`,
    get(
      '/ws',
      `Cookie: ${cookie}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ),
    get('/_auth/sign-out', `Cookie: ${'x'.repeat(100)}`),
    get('http://app.test/public/x'),
  ].map((text) => Buffer.from(text, 'latin1'));
  const garbage = (): Buffer => {
    if (random(5) === 0) return Buffer.from(Array.from({ length: random(2_000) }, () => random(256)));
    const bytes = Buffer.from(seeds[random(seeds.length)]!);
    for (let times = 1 + random(8); times > 0; times -= 1) {
      const at = random(bytes.length);
      const kind = random(4);
      if (kind === 0) bytes[at] = random(256);
      else if (kind === 1) bytes.copy(bytes, at, random(bytes.length));
      else if (kind === 2) bytes.write(['\r\n', '\0', '%', ':', ' ', '\n', ';', '://['][random(8)]!, at, 'latin1');
      else bytes[at] = bytes[at]! ^ (1 << random(8));
    }
    return random(6) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
  };
  const throwAll = async (count: number) => {
    for (let sent = 0; sent < count; sent += 25) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          const client = await openRaw(port);
          client.socket.end(garbage());
          await client.closed(2_000);
          client.destroy();
        }),
      );
    }
  };
  await throwAll(500);
  const before = residentBytes(pid);
  await throwAll(2_000);
  t.true(await isAlive(port));
  t.is(ground.gateway.pid, pid);
  t.true(residentBytes(pid) - before < 80 * mebibyte, `${String(residentBytes(pid) - before)} bytes more`);
  for (const line of ground.gateway.logs()) t.notRegex(line, /uncaught|unhandled|TypeError|RangeError/i);
});

/** Runs `sallyport check` on a configuration with little memory to spare. */
async function check(text: string): Promise<number | null> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  try {
    const file = join(directory, 'sallyport.yaml');
    await writeFile(file, text, { mode: 0o600 });
    const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
    const child = spawn(process.execPath, ['--max-old-space-size=300', cli, 'check', '--config', file], {
      cwd: directory,
      stdio: 'ignore',
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    return code;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const levels = Array.from({ length: 9 }, (_, index) => index + 1);
const bombs: Readonly<Record<string, string>> = {
  'billion laughs': [
    'a0: &a0 [x,x,x,x,x,x,x,x,x]',
    ...levels.map(
      (level) =>
        `a${String(level)}: &a${String(level)} [${Array.from({ length: 9 }, () => `*a${String(level - 1)}`).join(',')}]`,
    ),
    'routes: *a9',
  ].join('\n'),
  'merge keys': `a: &a {b: 1}\nroutes:\n  - <<: [${Array.from({ length: 5_000 }, () => '*a').join(', ')}]\n`,
  '10 MB': `routes:\n${'  - { path: /x, upstream: "http://127.0.0.1:1" }\n'.repeat(210_000)}`,
  'deep sequences': `routes: ${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  'deep maps': `routes: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}`,
  'deep by indentation': levels
    .concat(...levels.map(() => levels))
    .map((_, depth) => `${' '.repeat(depth)}a:`)
    .join('\n'),
};

// The same program reads it, however many serve.
for (const [name, text] of setting === 'plain' ? Object.entries(bombs) : []) {
  test(`O283 yaml-bomb: ${name} is refused as a configuration, in bounded memory`, async (t) => {
    t.is(await check(text), 2);
  });
}

test.serial('O285 loop-lag: sign-ins under way do not stand in the way of proxied requests', async (t) => {
  const ground = await grounds.get('anyHost');
  const { port } = ground.gateway;
  const { cookie } = await ground.session('alice');
  const users = [
    'alice',
    'bob',
    'carol',
    'erin',
    'frank',
    'grace',
    'heidi',
    'zoe',
    'alice',
    'bob',
    'carol',
    'erin',
    'frank',
    'grace',
    'heidi',
    'zoe',
    'bob',
    'carol',
    'erin',
    'zoe',
  ] as const;
  const forms = await Promise.all(users.map(() => fetchSignInForm({ port })));
  let underWay = users.length;
  const signIns = users.map(async (user, index) => {
    const form = forms[index]!;
    const fields = new Map(form.fields).set('username', user).set('password', passwordOf(user));
    const answer = await postForm({
      port,
      target: form.action.replace(/^https?:\/\/[^/]+/, ''),
      fields,
      cookies: form.cookies.join('; '),
    });
    underWay -= 1;
    return answer.status;
  });
  let meanwhile = 0;
  while (underWay > 0) {
    t.is((await sendRaw(port, get('/x', `Cookie: ${cookie}`))).answers[0]?.status, 200);
    if (underWay > 0) meanwhile += 1;
  }
  for (const status of await Promise.all(signIns)) t.true([302, 303, 429, 503].includes(status), String(status));
  t.true(meanwhile >= 10, `only ${String(meanwhile)} requests meanwhile`);
});

test.serial('O286 neg-cache: cookies that open nothing leave no trace in memory', async (t) => {
  const ground = await grounds.start('plain', { spawned: true });
  t.teardown(ground.stop);
  const { pid, port } = ground.gateway;
  let number = 0;
  const token = () => (number += 1).toString(36).padStart(43, 'A');
  const batch = async () => {
    const requests = Array.from({ length: 50 }, () => get('/private/x', `Cookie: __Host-sallyport=${token()}`)).join(
      '',
    );
    const { answers } = await sendRaw(port, requests, { methods: Array.from({ length: 50 }, () => 'GET') });
    return answers.every(({ status }) => status === 401) && answers.length === 50;
  };
  const many = async (batches: number) => {
    for (let done = 0; done < batches; done += 4)
      t.deepEqual(await Promise.all([batch(), batch(), batch(), batch()]), [true, true, true, true]);
  };
  await many(160);
  const before = residentBytes(pid);
  await many(240);
  t.true(residentBytes(pid) - before < 128 * mebibyte, `${String(residentBytes(pid) - before)} bytes more`);
  t.is(ground.upstream.byteCount(), 0);
});
