import test from 'ava';
import { GatewayError, hasCode } from '../../../src/errors.ts';
import { readRedisUrl } from '../../../src/store/redis-url.ts';

test('reads host, port, user, password and database', (t) => {
  t.deepEqual(readRedisUrl('redis://ann:p%40ss@redis.example.com:6380/3'), {
    kind: 'single',
    nodes: [{ host: 'redis.example.com', port: 6380 }],
    master: '',
    tls: false,
    caFile: null,
    username: 'ann',
    password: 'p@ss',
    database: 3,
    namespace: 'sallyport',
    shown: 'redis.example.com:6380',
  });
});

test('takes what is left out as Redis means it', (t) => {
  t.like(readRedisUrl('redis://localhost'), { username: null, password: null, database: 0, shown: 'localhost:6379' });
  t.like(readRedisUrl('redis://:secret@localhost/'), { username: null, password: 'secret' });
  t.like(readRedisUrl('rediss://[::1]:6390'), { tls: true, nodes: [{ host: '::1', port: 6390 }] });
});

test('reads the hosts of a Cluster and of Sentinels', (t) => {
  t.like(readRedisUrl('redis://a:1,b:2,c?cluster=true'), {
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: 'c', port: 6379 },
    ],
  });
  t.like(readRedisUrl('rediss://u:p@a,b:2/4?sentinel=main&namespace=blue&ca=/etc/ca.pem'), {
    kind: 'sentinel',
    nodes: [
      { host: 'a', port: 26379 },
      { host: 'b', port: 2 },
    ],
    master: 'main',
    caFile: '/etc/ca.pem',
    database: 4,
    namespace: 'blue',
  });
});

test('refuses what it can not follow, and tells no password', (t) => {
  const urls = [
    'redis://',
    'redis://host:0',
    'redis://host:99999',
    'redis://ho st',
    'redis://a,b',
    'redis://a,,b?cluster=true',
    'redis://host/db',
    'redis://host/0/1',
    'redis://host/1?cluster=true',
    'redis://host?cluster=yes',
    'redis://host?sentinel=',
    'redis://host?sentinel=m&cluster=true',
    'redis://host?tls=1',
    'redis://host?ca=/x',
    'rediss://host?ca=x.pem',
    'redis://host?namespace=a*',
    'redis://host#x',
    'redis://u:hidden%@host',
    'redis://u:hidden@host/x',
    'redis://u:hidden@ho$t',
  ];
  for (const url of urls) {
    const error = t.throws(() => readRedisUrl(url), { instanceOf: GatewayError }, url);
    t.true(hasCode(error, 'config-invalid'), url);
    t.false(error.message.includes('hidden'), error.message);
  }
});
