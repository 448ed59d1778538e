import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import tls from 'node:tls';
import type { TLSSocket } from 'node:tls';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { exchange, get, listen, request, routeTo, startForwarder, startUpgrader } from './support.ts';

/** Self-signed for localhost and 127.0.0.1 until 2126; protects nothing but this test. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxSzygC93k+Z3DZZ2
YOiGFBfeD4MZAjDNlL/yKBEdlEChRANCAARQ281jlqcPpsiLi4TR65uw6e+Eedyo
WB/ckNxhv2bcpkFZjmE1Bbd58EnXJlpkm2OsPTrbZCr6UYvnyG9XFVjy
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUMNssRWiMIXDN2yYVJ2gMvfGBzfgwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLdXAuaW50ZXJuYWwwIBcNMjYxMTIzMDEwMzA2WhgPMjEyNjEw
MzAwMTAzMDZaMBYxFDASBgNVBAMMC3VwLmludGVybmFsMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEUNvNY5anD6bIi4uE0eubsOnvhHncqFgf3JDcYb9m3KZBWY5h
NQW3efBJ1yZaZJtjrD0622Qq+lGL58hvVxVY8qNvMG0wHQYDVR0OBBYEFFs0X3Hu
iTWGNuEt9sCe+71eTnb3MB8GA1UdIwQYMBaAFFs0X3HuiTWGNuEt9sCe+71eTnb3
MA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoG
CCqGSM49BAMCA0gAMEUCIQCYE6ub3zVaSUvVt9QTKzVD6VNSX/Ajqn1J3CHH55fe
fgIgKLFO0OH1G8WRT5EQ7ItPmWB55cYXtJztQgMv1S8SgeM=
-----END CERTIFICATE-----`;

interface Seen {
  readonly names: (string | false | null)[];
  readonly hosts: string[];
}

async function startSecure(t: ExecutionContext): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { names: [], hosts: [] };
  const server = createServer({ key, cert }, (incoming: IncomingMessage, response: ServerResponse) => {
    seen.hosts.push(incoming.headers.host ?? '');
    response.end('secure');
  });
  server.on('secureConnection', (socket: TLSSocket) =>
    seen.names.push((socket as TLSSocket & { servername: string | false }).servername),
  );
  server.on('upgrade', (incoming: IncomingMessage, socket) => {
    seen.hosts.push(incoming.headers.host ?? '');
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nsecure');
  });
  return { port: await listen(t, server), seen };
}

const upgrade = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

test.serial('does not believe a certificate that nobody vouches for', async (t) => {
  const { port, seen } = await startSecure(t);
  const forwarder = await startForwarder(t, routeTo(`https://localhost:${port}`));
  t.regex(await get(forwarder.port, '/'), /^HTTP\/1\.1 502 /);
  const upgrader = await startUpgrader(t, routeTo(`https://localhost:${port}`));
  t.regex(await exchange(upgrader.port, upgrade), /^HTTP\/1\.1 502 /);
  t.deepEqual(seen.hosts, []);
});

test.serial('asks an https upstream by its own name, on one connection, whatever Host says', async (t) => {
  tls.setDefaultCACertificates([cert]);
  const { port, seen } = await startSecure(t);
  const forwarder = await startForwarder(t, routeTo(`https://localhost:${port}`));
  for (const host of ['one.test', 'two.test', '127.0.0.9']) {
    const answer = await exchange(forwarder.port, request('GET', '/').replace('app.test', host));
    t.true(answer.endsWith('secure'), answer);
  }
  t.deepEqual(seen.hosts, ['one.test', 'two.test', '127.0.0.9']);
  t.deepEqual(seen.names, ['localhost']);
  const upgrader = await startUpgrader(t, routeTo(`https://localhost:${port}`));
  t.regex(await exchange(upgrader.port, upgrade), /^HTTP\/1\.1 101 [^]*secure$/);
  t.deepEqual(seen.names, ['localhost', 'localhost']);
  t.is(seen.hosts.at(-1), 'app.test');
});

test.serial('checks the certificate of an address by the address', async (t) => {
  tls.setDefaultCACertificates([cert]);
  const { port, seen } = await startSecure(t);
  const forwarder = await startForwarder(t, routeTo(`https://127.0.0.1:${port}`));
  t.true((await get(forwarder.port, '/')).endsWith('secure'));
  const upgrader = await startUpgrader(t, routeTo(`https://127.0.0.1:${port}`));
  t.regex(await exchange(upgrader.port, upgrade), /^HTTP\/1\.1 101 [^]*secure$/);
  t.deepEqual(seen.names, [false, false]);
});
