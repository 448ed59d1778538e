import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B44',
  slug: 'abs-invalid',
  behaviour: 'survives absolute targets that are no URLs',
  cases: [
    'http://[',
    'http://[/',
    'http://]',
    'http://[::1/public/x',
    'http://a:b@h:99999/',
    'http://%zz/',
    'http://app.test:99999/public/x',
    'http://app.test:abc/public/x',
    'http://',
    'http://?',
    'https://[',
    'ws://[',
    'http://app.test:/[/',
    '[',
    'http://\xff/',
  ].map((target) => ({
    name: target,
    as: 'alice',
    target,
    expect: target === 'http://app.test:/[/' ? { status: [400, 403, 404], upstream: 'nothing' } : bad(),
  })),
};
