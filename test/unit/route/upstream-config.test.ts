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

test('is plain only with one target and nothing to watch', (t) => {
  t.true(upstreamConfig.parse('http://a').isPlain);
  t.true(upstreamConfig.parse({ targets: 'http://a', timeouts: { connect: '1s' } }).isPlain);
  t.false(upstreamConfig.parse(['http://a', 'http://b']).isPlain);
  t.false(upstreamConfig.parse({ targets: 'http://a', maxConnections: 1 }).isPlain);
  t.false(upstreamConfig.parse({ targets: 'http://a', healthCheck: { path: '/' } }).isPlain);
});

test('understands statuses as numbers, ranges and lists', (t) => {
  const statusesOf = (status: string | number | (string | number)[]) =>
    upstreamConfig.parse({ targets: 'http://a', healthCheck: { path: '/', status } }).healthCheck?.statuses;
  t.deepEqual(statusesOf(204), [[204, 204]]);
  t.deepEqual(statusesOf('200-299'), [[200, 299]]);
  t.deepEqual(statusesOf([200, '401-403']), [
    [200, 200],
    [401, 403],
  ]);
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
  [
    '{ targets: http://a, balance: roundrobin }',
    'upstream.balance: must be round-robin, least-connections or sticky; did you mean round-robin?',
  ],
  ['{ targets: http://a, healthCheck: {} }', 'upstream.healthCheck.path: is missing'],
  ...['healthz', '/a/../b', '/a//b', '/%61', '/a b', '/a#b', '/ä', 'http://a/'].map(
    (path) =>
      [
        `{ targets: http://a, healthCheck: { path: "${path}" } }`,
        'upstream.healthCheck.path: is not a path that every server reads alike; write /healthz',
      ] as const,
  ),
  ['{ targets: http://a, healthCheck: { path: /, status: 99 } }', 'upstream.healthCheck.status'],
  [
    '{ targets: http://a, healthCheck: { path: /, status: [200, 3xx] } }',
    'upstream.healthCheck.status: holds 3xx, which is no status',
  ],
  [
    '{ targets: http://a, healthCheck: { path: /, status: 400-200 } }',
    'upstream.healthCheck.status: holds 400-200, which is no status',
  ],
  [
    '{ targets: http://a, healthCheck: { path: /, interval: 10ms } }',
    'upstream.healthCheck.interval: is too short; write at least 100ms',
  ],
  ['{ targets: http://a, healthCheck: { path: /, host: "a b" } }', 'upstream.healthCheck.host: is not a host'],
  [
    '{ targets: http://a, healthCheck: { path: /, healthyAfter: 0 } }',
    'upstream.healthCheck.healthyAfter: must be at least 1',
  ],
  ['{ targets: http://a, ejection: true }', 'upstream.ejection: must be false or a mapping of keys'],
  ['{ targets: http://a, ejection: { for: 10m } }', 'upstream.ejection.longest: is shorter than `for`'],
  ['{ targets: http://a, ejection: { failures: 0 } }', 'upstream.ejection.failures: must be at least 1'],
  [
    '{ targets: http://a, ejection: false, slowStart: 10s }',
    'upstream.slowStart: has no effect without healthCheck or ejection',
  ],
  ['{ targets: http://a, queue: {} }', 'upstream.queue: has no effect without maxConnections; write that too'],
  ['{ targets: http://a, maxConnections: 0 }', 'upstream.maxConnections: must be at least 1'],
] as const)
  test(`says what is wrong with ${upstream}`, (t) => {
    const [first = ''] = faultsOf(upstream);
    t.true(first.startsWith(fault), first);
  });
