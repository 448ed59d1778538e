import test from 'ava';
import { startGround } from '../support/attack-runner.ts';
import { poll } from '../support/gateway.ts';
import { openRaw, sendRaw } from '../support/raw.ts';

test('a request whose coding no parser can follow gets one answer, not two', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  for (const coding of ['identity', 'gzip', 'xchunked']) {
    const { answers, closed, tunnel } = await sendRaw(
      ground.gateway.port,
      `POST /public/x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      { methods: ['POST'], untilClosed: true },
    );
    t.true([400, 501].includes(answers[0]?.status ?? 0));
    t.true(closed);
    t.is(tunnel.length, 0, tunnel.toString());
  }
});

test('garbage behind a request never stands within an answer that is under way', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  ground.upstream.script('/public/slow', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst half');
    return { kind: 'taken' };
  });
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  client.write('GET /public/slow HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until((bytes) => bytes.includes('first half'));
  client.write('\0garbage\r\n\r\n');
  t.true(await client.closed());
  t.false(client.pending().subarray(20).includes('HTTP/1.1'));
});

test('garbage behind a finished answer is answered and closed', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  client.write('GET /public/x HTTP/1.1\r\nHost: app.test\r\n\r\n');
  t.is((await client.answer()).status, 200);
  client.write('\0garbage\r\n\r\n');
  t.is((await client.answer()).status, 400);
  t.true(await client.closed());
});

test('our own pages are found only at hosts that somebody serves; health everywhere', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const ask = async (host: string, path: string) =>
    (await sendRaw(ground.gateway.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).answers[0]?.status;
  t.is(await ask('app.test', '/_auth/sign-in'), 200);
  t.is(await ask('other.test', '/_auth/sign-in'), 200);
  t.is(await ask('evil.test', '/_auth/sign-in'), 404);
  t.is(await ask('evil.test', '/_auth/sign-out'), 404);
  t.is(await ask('10.0.0.1:8080', '/_auth/health'), 200);
});

test('a form that asks before it sends its body is told to go on', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const client = await openRaw(ground.gateway.port);
  t.teardown(client.destroy);
  // Without the token of a page of ours.
  const body = 'username=alice&password=wrong';
  client.write(
    [
      'POST /_auth/sign-in HTTP/1.1',
      'Host: app.test',
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${String(body.length)}`,
      'Expect: 100-continue\r\n\r\n',
    ].join('\r\n'),
  );
  await client.until((bytes) => bytes.includes('HTTP/1.1 100 Continue\r\n\r\n'));
  client.write(body);
  await client.until((bytes) => bytes.includes('HTTP/1.1 403 Forbidden'));
  t.pass();
});

test('a form whose sender hangs up in the middle is no fault of ours', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const client = await openRaw(ground.gateway.port);
  const head = ['POST /_auth/sign-in HTTP/1.1', 'Host: app.test', 'Content-Type: application/x-www-form-urlencoded'];
  client.write([...head, 'Content-Length: 100', 'Expect: 100-continue\r\n\r\n'].join('\r\n'));
  await client.until((bytes) => bytes.includes('100 Continue'));
  client.reset();
  const lines = () => ground.gateway.logs().map((line) => JSON.parse(line) as Record<string, unknown>);
  const completed = () => lines().find(({ event, path }) => event === 'request.completed' && path === '/_auth/sign-in');
  await poll(() => completed() !== undefined);
  t.like(completed(), { status: 499, reason: 'client-gone' });
  t.false(lines().some(({ level }) => level === 'error'));
});
