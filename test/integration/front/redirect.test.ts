import test from 'ava';
import { hasOpenssl } from '../../support/certificates.ts';
import { freePort } from '../../support/programs.ts';
import { sendRaw, valueOf } from '../../support/raw.ts';
import { writes } from '../../support/upstream.ts';
import { askHttp2, openHttp2, startTls } from './support.ts';

const run = hasOpenssl ? test : test.skip;

run('leads visitors of the http listener to the same place under https', async (t) => {
  const port = await freePort();
  const fixture = await startTls(t, {
    server: { publicUrl: 'https://auth.test:8443', redirectHttp: `127.0.0.1:${String(port)}` },
    routes: (upstream) => [
      { upstream, host: 'app.test', access: 'public' },
      { upstream, host: '*.apps.test', path: '/x', access: 'public' },
    ],
  });
  const ask = async (request: string) => {
    const { answers } = await sendRaw(port, request);
    const [answer] = answers;
    return { status: answer?.status, location: answer && valueOf(answer, 'location'), body: answer?.body.toString() };
  };
  const get = (host: string, target = '/', more = '') => ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
  t.like(await get('app.test', '/a%20b?c=d%2F&e'), {
    status: 308,
    location: 'https://app.test:8443/a%20b?c=d%2F&e',
    body: '',
  });
  t.like(await get('APP.test:8080'), { status: 308, location: 'https://app.test:8443/' });
  t.like(await get('a.apps.test', '/x'), { status: 308, location: 'https://a.apps.test:8443/x' });
  t.like(await get('auth.test', '/_auth/sign-in'), { status: 308, location: 'https://auth.test:8443/_auth/sign-in' });
  const post = 'POST /form HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\na=b';
  t.like(await ask(post), { status: 308, location: 'https://app.test:8443/form' });
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  t.like(await get('app.test', '/ws', upgrade), { status: 308, location: 'https://app.test:8443/ws' });
  const unknown = await get('evil.test');
  t.is(unknown.status, 404);
  t.is(unknown.location, undefined);
  t.is((await get('app.test', '/a/../b')).status, 400);
  t.is((await get('app.test', '//evil.test/')).status, 400);
  t.is((await get('app.test', '/_auth/health')).status, 200);
  t.is((await ask('GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n')).status, 400);
  t.deepEqual(fixture.up.requests, []);
});

run('promises https on our answers, and on the apps\u2019 where they say nothing of it', async (t) => {
  const fixture = await startTls(t, { server: { hsts: { maxAge: '60d', includeSubDomains: true } } });
  const session = openHttp2(t, fixture);
  const promised = async (path: string) =>
    (await askHttp2(session, { ':path': path, accept: 'text/html' })).headers['strict-transport-security'];
  t.is(await promised('/_auth/sign-in'), 'max-age=5184000; includeSubDomains');
  t.is(await promised('/app'), 'max-age=5184000; includeSubDomains');
  fixture.up.script(
    '/own',
    writes('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nStrict-Transport-Security: max-age=5\r\n\r\n'),
  );
  t.is(await promised('/own'), 'max-age=5');
});

run('promises nothing for localhost, and where it is told not to', async (t) => {
  for (const server of [{ publicUrl: 'https://localhost' }, { hsts: false }]) {
    const fixture = await startTls(t, { server });
    const session = openHttp2(t, fixture);
    for (const path of ['/_auth/sign-in', '/app'])
      t.is(
        (await askHttp2(session, { ':path': path, accept: 'text/html' })).headers['strict-transport-security'],
        undefined,
      );
  }
});
