import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createProviderFetch } from '../../../src/sign-in/provider-fetch.ts';
import { hasCode } from '../../../src/errors.ts';
import { hasOpenssl, makeAuthority, makeCertificate } from '../../support/certificates.ts';
import { makeDirectory } from '../../support/temporary.ts';
import { startWorld } from './support.ts';

const signsIn = async (t: ExecutionContext, oidc: object, client: object) => {
  const { browser } = await startWorld(t, { oidc: { ...oidc }, provider: { client: { ...client } } });
  const { reply } = await browser().open('/');
  t.is(reply.status, 200, reply.text);
};

test('proves who it is by its secret, in the header or in the form', async (t) => {
  await signsIn(t, {}, { token_endpoint_auth_method: 'client_secret_basic' });
  await signsIn(t, { clientAuthentication: 'post' }, { token_endpoint_auth_method: 'client_secret_post' });
});

test('does without a secret where the provider wants none', async (t) => {
  await signsIn(t, { clientSecret: undefined }, { token_endpoint_auth_method: 'none', client_secret: undefined });
});

test('proves who it is by a key, of each kind', async (t) => {
  const directory = await makeDirectory(t);
  const kinds: readonly (readonly [string, string, KeyObject, KeyObject])[] = [
    ['rsa', 'RS256', ...pair(generateKeyPairSync('rsa', { modulusLength: 2048 }))],
    ['ec', 'ES256', ...pair(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
  ];
  for (const [name, alg, publicKey, privateKey] of kinds) {
    const file = join(directory, `${name}.pem`);
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await signsIn(
      t,
      { clientSecret: undefined, clientKey: file, clientKeyId: name },
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: alg,
        client_secret: undefined,
        jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: name, alg, use: 'sig' }] },
      },
    );
  }
});

function pair({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): [KeyObject, KeyObject] {
  return [publicKey, privateKey];
}

(hasOpenssl ? test : test.skip)('believes a private authority that is named, and none that is not', async (t) => {
  const directory = await makeDirectory(t);
  const authority = await makeAuthority(directory);
  const { cert, key } = await makeCertificate(authority, { ips: ['127.0.0.1'] });
  const server: Server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_request, response) => {
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  const request = { method: 'GET', headers: {} };
  const trusting = createProviderFetch({ ca: authority.ca });
  const usual = createProviderFetch({});
  t.teardown(trusting.close);
  t.teardown(usual.close);
  t.is((await trusting.fetch(address, request)).status, 200);
  const error: unknown = await usual.fetch(address, request).catch((cause: unknown) => cause);
  t.true(hasCode(error, 'provider-unreachable'));
});
