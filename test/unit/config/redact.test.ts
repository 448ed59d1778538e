import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';
import { redactConfig } from '../../../src/config/redact.ts';

test('hides every secret of a configuration that is printed', (t) => {
  const text = `
store: { secret: hushhush-0123456789-hushhush-0123456789, url: 'redis://me:hushhush@redis.test:6379/1' }
routes: [{ upstream: 'http://a', identity: { basicAuth: { user: me, password: hushhush } } }]
`;
  const result = loadConfig({ file: '/x.yaml', env: {}, text });
  if (result.kind === 'faults') throw new Error(JSON.stringify(result.faults));
  const printed = JSON.stringify(redactConfig(result.config));
  t.false(printed.includes('hushhush'));
  t.true(printed.includes('redis://[hidden]@redis.test:6379/1'));
  t.true(printed.includes('"user":"me"'));
});
