import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B48',
  slug: 'host-missing',
  behaviour: 'refuses a request without a host',
  gateway: 'anyHost',
  cases: ['/x', '/_auth/sign-in', '/_auth/health'].flatMap((target) => [
    { name: `${target} no Host`, as: 'alice', target, host: null, expect: bad() },
    { name: `${target} empty Host`, as: 'alice', target, host: '', expect: bad() },
    { name: `${target} blank Host`, as: 'alice', target, host: ' \t ', expect: bad() },
  ]),
};
