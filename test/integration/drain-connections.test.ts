import test from 'ava';
import { poll, spawnTestGateway } from '../support/gateway.ts';
import { openRaw, valueOf } from '../support/raw.ts';
import { startUpstream } from '../support/upstream.ts';
import { usersFile } from '../support/users.ts';

/** Long enough that only a gateway which ends by itself passes. */
const drainTimeout = '60s';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`;

test('a drain ends as soon as the last answer is out, on kept-alive connections too', async (t) => {
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  const held: (() => void)[] = [];
  upstream.script('/late', (_request, socket) => {
    held.push(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'));
    return { kind: 'taken' };
  });
  upstream.script('/begun', (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
    held.push(() => socket.end('half'));
    return { kind: 'taken' };
  });
  const gateway = await spawnTestGateway({
    config: { server: { drainTimeout }, routes: [{ id: 'all', upstream: upstream.origin, access: 'public' }] },
    users: usersFile(),
  });
  t.teardown(gateway.stop);
  const [late, begun, idle] = [await openRaw(gateway.port), await openRaw(gateway.port), await openRaw(gateway.port)];
  t.teardown(() => [late, begun, idle].forEach((client) => client.destroy()));
  idle.write(get('/x'));
  t.is((await idle.answer()).status, 200);
  late.write(get('/late'));
  begun.write(get('/begun'));
  await begun.until((bytes) => bytes.includes('half'));
  await poll(() => held.length === 2);

  gateway.signal('SIGTERM');
  t.true(await idle.closed());
  for (const goOn of held) goOn();
  const answer = await late.answer();
  t.is(valueOf(answer, 'connection'), 'close');
  t.is(answer.body.toString(), 'late');
  t.is((await begun.answer()).body.toString(), 'halfhalf');
  await poll(() => gateway.exit() !== null, 10_000);
  t.is(gateway.exit(), 0);
});
