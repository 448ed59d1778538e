import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { hasCode } from '../../../src/errors.ts';
import { createProviderFetch } from '../../../src/sign-in/provider-fetch.ts';

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const get = { method: 'GET', headers: {} };

test('gives the answer of the address that was asked, and follows no redirect', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/gone') response.writeHead(302, { location: '/' }).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}');
  });
  const { fetch, close } = createProviderFetch({ insecureHttp: true });
  t.teardown(close);
  t.deepEqual(await (await fetch(`${origin}/`, get)).json(), { a: 1 });
  t.is((await fetch(`${origin}/gone`, get)).status, 302);
});

test('waits and reads only so long, and tells whether the provider was there', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/long') response.end('x'.repeat(1_100_000));
    else if (request.url === '/drip') response.write('x');
    else if (request.url === '/down') response.writeHead(503).end();
    else if (request.url !== '/never') response.end('{}');
  });
  const reached: boolean[] = [];
  const { fetch, close } = createProviderFetch({
    insecureHttp: true,
    timeoutMs: 150,
    onReached: (is) => reached.push(is),
  });
  t.teardown(close);
  for (const path of ['/long', '/drip', '/never']) {
    const error: unknown = await fetch(origin + path, get).catch((cause: unknown) => cause);
    t.true(hasCode(error, 'provider-unreachable'), path);
  }
  t.is((await fetch(`${origin}/down`, get)).status, 503);
  t.is((await fetch(`${origin}/`, get)).status, 200);
  t.deepEqual(reached, [false, false, false, false, true]);
});

test('speaks plain http only where it was told to', async (t) => {
  const { fetch, close } = createProviderFetch({});
  t.teardown(close);
  for (const address of ['http://127.0.0.1:1/', 'ftp://127.0.0.1/', 'file:///etc/passwd']) {
    const error: unknown = await fetch(address, get).catch((cause: unknown) => cause);
    t.true(hasCode(error, 'provider-unreachable') && /without TLS/.test(error.message), address);
  }
});
