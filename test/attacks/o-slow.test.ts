import test from 'ava';
import { startGround } from '../support/attack-runner.ts';
import { openRaw, sendRaw } from '../support/raw.ts';

/** The slowest limit of the checks; the gateway's own are 15 s and 20 s, the rest is for a loaded machine. */
const patienceMs = 30_000;

/** Writes a byte every so often until the connection is closed; resolves with how long that took. */
async function drip(port: number, head: string, everyMs: number): Promise<number> {
  const client = await openRaw(port);
  const began = Date.now();
  client.write(head);
  const timer = setInterval(() => {
    if (!client.isClosed()) client.write('a');
  }, everyMs);
  const closed = await client.closed(patienceMs);
  clearInterval(timer);
  client.destroy();
  return closed ? Date.now() - began : Infinity;
}

test('O275 slow-head: connections that send their head byte by byte are closed, and others are served meanwhile', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const { port } = ground.gateway;
  const slow = Array.from({ length: 200 }, (_, index) =>
    drip(port, index % 2 === 0 ? 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-Slow: ' : 'G', 5_000),
  );
  const { answers } = await sendRaw(port, 'GET /public/x HTTP/1.1\r\nHost: app.test\r\n\r\n', { deadlineMs: 2_000 });
  t.is(answers[0]?.status, 200);
  for (const ms of await Promise.all(slow)) t.true(ms < patienceMs);
});

test('O276 slow-body: a sign-in that drips in is cut, an upload that progresses is not', async (t) => {
  const ground = await startGround('plain');
  t.teardown(ground.stop);
  const { port } = ground.gateway;
  const upload = await openRaw(port);
  t.teardown(upload.destroy);
  upload.write('POST /public/upload HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n');
  const progress = setInterval(() => {
    upload.write('1\r\nx\r\n');
  }, 500);
  t.teardown(() => {
    clearInterval(progress);
  });
  const head =
    'POST /_auth/sign-in HTTP/1.1\r\nHost: app.test\r\nOrigin: https://app.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nusername=';
  t.true((await drip(port, head, 1_000)) < patienceMs);
  clearInterval(progress);
  t.false(upload.isClosed());
  upload.write('0\r\n\r\n');
  t.is((await upload.answer('POST')).status, 200);
});
