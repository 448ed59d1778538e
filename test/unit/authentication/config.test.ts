import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';

function faultsOf(bearer: string): readonly string[] {
  const text = `bearer: ${bearer}\nroutes: [{ upstream: 'http://127.0.0.1:1' }]\n`;
  const result = loadConfig({ file: '/etc/sallyport/sallyport.yaml', env: {}, text });
  return result.kind === 'ok' ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`);
}

test('an issuer needs its name and an audience, and is discovered unless it says otherwise', (t) => {
  t.deepEqual(faultsOf('[{ issuer: "https://issuer.test", audience: api }]'), []);
  t.deepEqual(faultsOf('[{ issuer: "urn:x", audience: [a, b], jwksUrl: "https://issuer.test/keys" }]'), []);
  t.deepEqual(faultsOf('[{ issuer: "https://issuer.test" }]'), ['bearer[0].audience: is missing']);
  t.regex(faultsOf('[{ issuer: "urn:x", audience: api }]')[0]!, /^bearer\[0\]\.issuer: .*add jwksUrl or jwksFile/);
  t.regex(
    faultsOf('[{ issuer: "https://i.test", audience: a, jwksUrl: "https://i.test/k", discovery: true }]')[0]!,
    /stands beside discovery/,
  );
});

test('keys come over https, unless the configuration says aloud that they need not', (t) => {
  t.regex(faultsOf('[{ issuer: "http://issuer.test", audience: api }]')[0]!, /is http.*insecureHttp: true/);
  t.regex(
    faultsOf('[{ issuer: "urn:x", audience: api, jwksUrl: "http://i.test/k" }]')[0]!,
    /^bearer\[0\]\.jwksUrl: is http/,
  );
  t.deepEqual(faultsOf('[{ issuer: "http://127.0.0.1:9/x", audience: api }]'), []);
  t.deepEqual(faultsOf('[{ issuer: "http://issuer.test", audience: api, insecureHttp: true }]'), []);
  for (const url of ['"ftp://x"', '"https://u:p@x"', 'keys'])
    t.regex(faultsOf(`[{ issuer: "urn:x", audience: api, jwksUrl: ${url} }]`)[0]!, /is not an address/, url);
});

test('symmetric algorithms, none, and long skews are refused', (t) => {
  for (const algorithm of ['none', 'HS256', 'HS512', 'dir'])
    t.regex(
      faultsOf(`[{ issuer: "https://i.test", audience: a, algorithms: [${algorithm}] }]`)[0]!,
      /algorithms\[0\]: must be ES256/,
    );
  t.regex(faultsOf('[{ issuer: "https://i.test", audience: a, clockSkew: 6m }]')[0]!, /at most 5m/);
});

test('one issuer stands once, and is never this gateway', (t) => {
  const twice = faultsOf('[{ issuer: "https://i.test", audience: a }, { issuer: "https://i.test", audience: b }]');
  t.regex(twice[0]!, /^bearer\[1\]\.issuer: is already bearer\[0\]/);
  t.regex(faultsOf('[{ issuer: "http://localhost:8080", audience: a }]')[0]!, /is this gateway itself/);
});

test('a key file must be there and hold a key that can be used', (t) => {
  t.regex(
    faultsOf('[{ issuer: "urn:x", audience: a, jwksFile: /nowhere.json }]')[0]!,
    /^bearer\[0\]\.jwksFile: names \/nowhere\.json/,
  );
  const { pathname } = new URL('../../../package.json', import.meta.url);
  t.regex(faultsOf(`[{ issuer: "urn:x", audience: a, jwksFile: ${pathname} }]`)[0]!, /holds no public key/);
});
