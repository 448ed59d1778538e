import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';
import { makeDirectory } from '../../support/temporary.ts';

const head = 'server: { publicUrl: "https://a.test" }\nroutes: [{ upstream: "http://127.0.0.1:1" }]\n';

function load(signIn: string, file = '/nowhere/sallyport.yaml') {
  return loadConfig({ file, text: `${head}${signIn}`, env: {} });
}

function faultsOf(provider: string): readonly string[] {
  const loaded = load(`signIn: { oidc: [{ ${provider} }] }\n`);
  return loaded.kind === 'faults' ? loaded.faults.map(({ path, message }) => `${path}: ${message}`) : [];
}

const good = 'id: corp, issuer: "https://id.test", clientId: x';

test('the local users are there while no other method is named', (t) => {
  const alone = load('');
  t.is(alone.kind === 'ok' ? alone.config.signIn.local?.users : null, '/nowhere/users.yaml');
  const beside = load(`signIn: { local: {}, oidc: [{ ${good} }] }\n`);
  t.is(beside.kind === 'ok' ? beside.config.signIn.local?.users : null, '/nowhere/users.yaml');
  const without = load(`signIn: { oidc: [{ ${good} }] }\n`);
  t.is(without.kind === 'ok' ? without.config.signIn.local : undefined, null);
});

test('says what is wrong with a provider, and what to write instead', (t) => {
  t.deepEqual(faultsOf(good), []);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['issuer: "https://id.test", clientId: x', /id: is missing/],
    [`${good}, tokens: 1`, /tokens/],
    ['id: Corp, issuer: "https://id.test", clientId: x', /id: is not an id/],
    ['id: local, issuer: "https://id.test", clientId: x', /id: is the id of another way in/],
    ['id: corp, issuer: id.test, clientId: x', /issuer: is not an address/],
    ['id: corp, issuer: "https://id.test?x=1", clientId: x', /issuer: holds a query/],
    ['id: corp, issuer: "http://id.test", clientId: x', /issuer: is http/],
    [`${good}, scopes: [profile]`, /scopes: lacks openid/],
    [`${good}, authorizationParameters: { state: x }`, /state: is set by the gateway/],
    [`${good}, clientAuthentication: basic`, /needs a clientSecret/],
    [`${good}, clientAuthentication: private-key-jwt`, /needs a clientKey/],
    [`${good}, clientAuthentication: none, clientSecret: s`, /take one of them away/],
    [`${good}, clientKeyId: k`, /no effect without a clientKey/],
    [`${good}, clientKey: ./missing.pem`, /clientKey: can't be used/],
    [`${good}, ca: ./missing.pem`, /ca: names .*missing\.pem/],
    [`${good}, checkEvery: 1s`, /at least 10s/],
  ];
  for (const [provider, expected] of cases) t.regex(faultsOf(provider).join('\n'), expected, provider);
  t.regex(faultsOf(`${good} }, { ${good}`).join(), /already the id of oidc\[0\]/);
});

test('plain http needs no word on this very machine, and one with a warning elsewhere', (t) => {
  const here = load('signIn: { oidc: [{ id: a, issuer: "http://127.0.0.1:9/x", clientId: x }] }\n');
  t.is(here.kind === 'ok' && here.config.signIn.oidc[0]?.insecureHttp, true);
  t.false(here.kind === 'ok' && here.warnings.some(({ path }) => path.includes('insecureHttp')));
  const there = load('signIn: { oidc: [{ id: a, issuer: "http://id.test", clientId: x, insecureHttp: true }] }\n');
  t.true(there.kind === 'ok' && there.warnings.some(({ path }) => path.includes('insecureHttp')));
});

test('a key that is too weak or of an odd kind is told at once', async (t) => {
  const directory = await makeDirectory(t);
  const write = (name: string, key: ReturnType<typeof generateKeyPairSync>['privateKey']) =>
    writeFileSync(join(directory, name), key.export({ type: 'pkcs8', format: 'pem' }));
  write('rsa.pem', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
  write('ec.pem', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  write('ed.pem', generateKeyPairSync('ed25519').privateKey);
  write('weak.pem', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
  write('odd.pem', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey);
  const faults = (key: string) =>
    load(`signIn: { oidc: [{ ${good}, clientKey: ./${key} }] }\n`, join(directory, 'sallyport.yaml')).kind;
  t.deepEqual(['rsa.pem', 'ec.pem', 'ed.pem', 'weak.pem', 'odd.pem'].map(faults), [
    'ok',
    'ok',
    'ok',
    'faults',
    'faults',
  ]);
});
