import test from 'ava';
import { storeConfig } from '../../../src/store/config.ts';

const secret = 'q1w2e3r4t5z6u7i8o9p0a1s2d3f4g5h6j7';

function faultsOf(value: unknown): readonly string[] {
  const result = storeConfig.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
}

test('takes every kind of store', (t) => {
  for (const url of ['memory:', 'sqlite:./x.db', 'redis://localhost', 'rediss://u:p@a:1,b:2?cluster=true']) {
    t.deepEqual(faultsOf({ url, secret }), [], url);
  }
  t.deepEqual(faultsOf({}), []);
  t.is(storeConfig.parse({}).url, 'sqlite:./var/sallyport.db');
});

test('tells what is wrong with a Redis URL while the configuration is read', (t) => {
  t.deepEqual(faultsOf({ url: 'redis://a,b', secret }), [
    'url names several hosts; add ?cluster=true or ?sentinel=MASTER',
  ]);
});

test('demands a secret for Redis only', (t) => {
  t.regex(faultsOf({ url: 'redis://localhost' }).join(), /^secret is missing, .*\$\{SALLYPORT_SECRET\}/);
  t.deepEqual(faultsOf({ url: 'memory:' }), []);
});
