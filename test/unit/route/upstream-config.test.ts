import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';
import { upstreamConfig } from '../../../src/route/upstream/config.ts';

/** What `sallyport check` says of an `upstream`, without the place. */
function faultsOf(upstream: string): readonly string[] {
  const text = `routes:\n  - upstream: ${upstream}\n`;
  const result = loadConfig({ file: '/nowhere/sallyport.yaml', env: {}, text });
  return result.kind === 'faults'
    ? result.faults.map(({ path, message }) => `${path.replace(/^routes\[0\]\./, '')}: ${message}`)
    : [];
}

test('takes a URL, a list of targets or a mapping for the same upstream', (t) => {
  const one = upstreamConfig.parse('http://10.0.0.1:3000');
  t.deepEqual(one.targets, [{ origin: 'http://10.0.0.1:3000', socketPath: null, weight: 1 }]);
  t.deepEqual(upstreamConfig.parse(['http://10.0.0.1:3000']), one);
  t.deepEqual(upstreamConfig.parse({ targets: 'http://10.0.0.1:3000' }), one);
  t.deepEqual(upstreamConfig.parse({ targets: [{ url: 'http://10.0.0.1:3000' }] }), one);
  t.deepEqual(one.timeouts, { connectMs: 5_000, firstByteMs: 60_000, idleMs: 0 });
  const two = upstreamConfig.parse(['http://10.0.0.1:3000', { url: 'unix:/run/app.sock', weight: 3 }]);
  t.deepEqual(two.targets[1], { origin: 'http://localhost', socketPath: '/run/app.sock', weight: 3 });
});

for (const [upstream, fault] of [
  ['[]', 'upstream: is empty; write at least one URL'],
  ['{ targets: [] }', 'upstream.targets: is empty; write at least one URL'],
  ['{ timeouts: {} }', 'upstream.targets: is missing'],
  [
    '{ targets: [http://a, http://b, http://A:80] }',
    'upstream.targets[2]: is the same target as entry 0; give one of them the weight of both',
  ],
  [
    '[http://a, https://b]',
    'upstream[1]: has another scheme than the first target; write all of them with http, or all with https',
  ],
  ['[{ url: http://a, weight: 0 }]', 'upstream[0].weight: must be at least 1'],
  ['[{ url: http://a, weight: 1001 }]', 'upstream[0].weight: must be at most 1000'],
  ['{ targets: http://a, balanse: x }', 'upstream.balanse: is not a known key'],
  ['{ targets: http://a, timeouts: { connect: 0 } }', 'upstream.timeouts.connect: must be longer than 0'],
  [
    '{ targets: http://a, timeouts: { idle: 2d } }',
    'upstream.timeouts.idle: is longer than a day; write a shorter time',
  ],
  [
    'http://a/path',
    'upstream: is not an upstream; write http://HOST:PORT, https://HOST or unix:/path, without a path behind it',
  ],
  [
    '[http://a, ftp://b]',
    'upstream[1]: is not an upstream; write http://HOST:PORT, https://HOST or unix:/path, without a path behind it',
  ],
] as const)
  test(`says what is wrong with ${upstream}`, (t) => {
    const [first = ''] = faultsOf(upstream);
    t.true(first.startsWith(fault), first);
  });
