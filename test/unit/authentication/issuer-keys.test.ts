import test from 'ava';
import { createFetchedKeys, createFixedKeys } from '../../../src/authentication/issuer-keys.ts';
import { usableKeys } from '../../../src/authentication/jwks.ts';
import { hasCode } from '../../../src/errors.ts';
import { createTestRuntime } from '../../support/runtime.ts';
import { createTestFetch, createTestIssuer, issuerConfig } from '../../support/token-issuer.ts';
import type { TestIssuer } from '../../support/token-issuer.ts';

const discoveryUrl = 'https://issuer.test/.well-known/openid-configuration';
const keysUrl = 'https://issuer.test/keys';

let one: TestIssuer;
let two: TestIssuer;
test.before(async () => {
  one = await createTestIssuer('one');
  two = await createTestIssuer('two');
});

const metadata = { issuer: 'https://issuer.test', jwks_uri: keysUrl };

function setUp(documents: Readonly<Record<string, () => unknown>>, config: Readonly<Record<string, unknown>> = {}) {
  const runtime = createTestRuntime();
  const { fetch, asked } = createTestFetch(documents);
  const keys = createFetchedKeys(issuerConfig(config), { ...runtime, fetch });
  const find = (kid: string, alg = 'ES256') => keys.find({ alg, kid });
  return { runtime, keys, find, asked };
}

const isUnavailable = (error: unknown): boolean => hasCode(error, 'issuer-unavailable');

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('finds keys by discovery, once for many at a time', async (t) => {
  const { find, asked } = setUp({ [discoveryUrl]: () => metadata, [keysUrl]: () => ({ keys: [one.publicJwk] }) });
  const found = await Promise.all(Array.from({ length: 20 }, () => find('one')));
  t.true(found.every((key) => key !== null && key === found[0]));
  t.deepEqual(asked, [discoveryUrl, keysUrl]);
});

test('goes straight to a configured address', async (t) => {
  const { find, asked } = setUp({ [keysUrl]: () => ({ keys: [one.publicJwk] }) }, { jwksUrl: keysUrl });
  t.truthy(await find('one'));
  t.deepEqual(asked, [keysUrl]);
});

test('a hundred unknown keys make it ask once more, and a rotated key is found then', async (t) => {
  let keys = [one.publicJwk];
  const { find, asked, runtime } = setUp({ [keysUrl]: () => ({ keys }) }, { jwksUrl: keysUrl });
  await find('one');
  for (let index = 0; index < 100; index += 1) t.is(await find(`no-${index}`), null);
  await Promise.all(Array.from({ length: 100 }, (_, index) => find(`never-${index}`)));
  t.is(asked.length, 1, 'it asked a moment ago');
  keys = [two.publicJwk, one.publicJwk];
  runtime.advance(30_000);
  const found = await Promise.all([find('two'), ...Array.from({ length: 100 }, (_, index) => find(`no-${index}`))]);
  t.truthy(found[0]);
  t.is(asked.length, 2);
});

test('keeps old keys while it asks in the background, and while the issuer is away', async (t) => {
  let answer: () => unknown = () => ({ keys: [one.publicJwk] });
  const { find, asked, runtime, keys } = setUp({ [keysUrl]: () => answer() }, { jwksUrl: keysUrl });
  await find('one');
  const before = keys.generation();
  answer = () => new Response('', { status: 500 });
  runtime.advance(600_000);
  t.truthy(await find('one'));
  await settled();
  t.is(asked.length, 2);
  t.truthy(await find('one'));
  await settled();
  t.is(asked.length, 2, 'and does not ask at every request');
  t.is(keys.generation(), before);
  runtime.advance(86_400_000 - 600_000);
  await t.throwsAsync(async () => find('one'), { code: 'issuer-unavailable' } as never);
  t.true(keys.generation() > before, 'what was verified with them is not believed any longer');
  answer = () => ({ keys: [one.publicJwk] });
  runtime.advance(5_000);
  t.truthy(await find('one'), 'recovers by itself');
});

test('what was verified stands until the keys are others', async (t) => {
  let keys = [one.publicJwk];
  const setup = setUp({ [keysUrl]: () => ({ keys }) }, { jwksUrl: keysUrl });
  await setup.find('one');
  const first = setup.keys.generation();
  setup.runtime.advance(600_000);
  await setup.find('one');
  await settled();
  t.is(setup.asked.length, 2);
  t.is(setup.keys.generation(), first);
  keys = [two.publicJwk];
  setup.runtime.advance(600_000);
  await setup.find('one');
  await settled();
  t.true(setup.keys.generation() > first);
  t.is(await setup.find('one'), null, 'the withdrawn key');
});

test('asks as seldom as Cache-Control allows, but at least once an hour', async (t) => {
  const control = (text: string) => () =>
    new Response(JSON.stringify({ keys: [one.publicJwk] }), { headers: { 'cache-control': text } });
  for (const [text, ms] of [
    ['public, max-age=1', 300_000],
    ['max-age=1800', 1_800_000],
    ['max-age=999999', 3_600_000],
    ['no-store', 600_000],
  ] as const) {
    const { find, asked, runtime } = setUp({ [keysUrl]: control(text) }, { jwksUrl: keysUrl });
    await find('one');
    runtime.advance(ms - 1);
    await find('one');
    await settled();
    t.is(asked.length, 1, text);
    runtime.advance(1);
    await find('one');
    await settled();
    t.is(asked.length, 2, text);
  }
});

test('without keys it says that the issuer is away, and asks every five seconds at most', async (t) => {
  const { find, asked, runtime } = setUp({}, { jwksUrl: keysUrl });
  for (let index = 0; index < 20; index += 1) t.true(isUnavailable(await t.throwsAsync(async () => find('one'))));
  t.is(asked.length, 1);
  runtime.advance(5_000);
  await t.throwsAsync(async () => find('one'));
  t.is(asked.length, 2);
  t.is(runtime.lines.filter(({ event }) => event === 'bearer.keys-failed').length, 2);
});

test('takes no keys from metadata of another issuer, from plain http, from a redirect, or from something endless', async (t) => {
  const good = { [keysUrl]: () => ({ keys: [one.publicJwk] }) };
  const redirect = () => new Response('', { status: 302, headers: { location: keysUrl } });
  const endless = () => new Response('x'.repeat(600_000));
  const cases: readonly (readonly [string, Readonly<Record<string, () => unknown>>])[] = [
    ['another issuer', { ...good, [discoveryUrl]: () => ({ ...metadata, issuer: 'https://issuer.test/' }) }],
    ['no issuer', { ...good, [discoveryUrl]: () => ({ jwks_uri: keysUrl }) }],
    ['no address', { ...good, [discoveryUrl]: () => ({ issuer: metadata.issuer }) }],
    ['http', { [discoveryUrl]: () => ({ ...metadata, jwks_uri: 'http://issuer.test/keys' }) }],
    ['metadata led on', { ...good, [discoveryUrl]: redirect }],
    ['keys led on', { [discoveryUrl]: () => metadata, [keysUrl]: redirect }],
    ['too long', { [discoveryUrl]: () => metadata, [keysUrl]: endless }],
    ['not JSON', { [discoveryUrl]: () => metadata, [keysUrl]: () => new Response('<html>') }],
    ['a list', { [discoveryUrl]: () => metadata, [keysUrl]: () => [] }],
    ['no usable key', { [discoveryUrl]: () => metadata, [keysUrl]: () => ({ keys: [{ kty: 'oct', k: 'AA' }] }) }],
  ];
  for (const [name, documents] of cases)
    t.true(isUnavailable(await t.throwsAsync(async () => setUp(documents).find('one'))), name);
});

test('an issuer that does not answer is given up', async (t) => {
  const runtime = createTestRuntime();
  const silent: typeof globalThis.fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      t.truthy(init?.signal);
      reject(new DOMException('timed out', 'TimeoutError'));
    });
  const keys = createFetchedKeys(issuerConfig({ jwksUrl: keysUrl }), { ...runtime, fetch: silent });
  t.true(isUnavailable(await t.throwsAsync(async () => keys.find({ alg: 'ES256', kid: 'one' }))));
});

test('of a key set only keys that can check an allowed signature are left, without private parts', async (t) => {
  const rsa = (await createTestIssuer('rsa', 'RS256')).publicJwk;
  const ed = (await createTestIssuer('ed', 'EdDSA')).publicJwk;
  const keys = [
    one.publicJwk,
    { ...two.publicJwk, d: 'private', extra: 'x' },
    rsa,
    ed,
    { ...one.publicJwk, kid: 'enc', use: 'enc' },
    { ...one.publicJwk, kid: 'ops', key_ops: ['sign'] },
    { ...one.publicJwk, kid: 'alg', alg: 'ES384' },
    { ...one.publicJwk, kid: 7 },
    { ...rsa, kid: 'short', n: 'AQAB' },
    { ...rsa, kid: 'huge', n: Buffer.alloc(2_048, 1).toString('base64url') },
    { kty: 'oct', k: 'AAAA', kid: 'secret' },
    { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' },
    { kty: 'OKP', crv: 'X25519', x: 'AA' },
    null,
    'text',
  ];
  const left = usableKeys({ keys }, ['ES256', 'RS256', 'EdDSA']) ?? [];
  t.deepEqual(
    left.map(({ kid }) => kid),
    ['one', 'two', 'rsa', 'ed'],
  );
  t.false(JSON.stringify(left).includes('private'));
  t.deepEqual(usableKeys({ keys: [rsa] }, ['ES256']), []);
  for (const value of [null, [], 'x', {}, { keys: {} }]) t.is(usableKeys(value, ['ES256']), null);
  const fixed = createFixedKeys(issuerConfig(), { keys });
  t.is(await fixed.find({ alg: 'ES256', kid: 'nobody' }), null);
});
