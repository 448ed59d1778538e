import { bad, type Attack } from '../../../support/attack.ts';

const hosts = [
  'evil.test:x@app.test',
  'app.test/x',
  'app.test?x',
  'app.test#x',
  'app.test\\x',
  'app.test, evil.test',
  'app.test:99999',
  'app.test:abc',
  '[::1',
  '[::1]x',
  'app.test\tx',
  'app..test',
  '*',
  'app.test%00',
];

export const attack: Attack = {
  id: 'D95',
  slug: 'host-odd',
  behaviour: 'refuses an odd Host also where every host is served',
  gateway: 'anyHost',
  cases: hosts.map((host) => ({ name: host, as: 'alice', target: '/x', host, expect: bad() })),
};
