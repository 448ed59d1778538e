import { bad, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B49',
  slug: 'host-dup',
  behaviour: 'refuses more than one Host line',
  cases: [
    ['Host: app.test', 'Host: other.test'],
    ['Host: other.test', 'Host: app.test'],
    ['Host: app.test', 'Host: app.test'],
    ['hOST: app.test', 'Host: other.test'],
    ['Host: app.test', 'X-Between: 1', 'HOST:'],
  ].flatMap((headers) =>
    ['/public/x', '/_auth/sign-in'].map((target) => ({
      name: `${target} ${headers.join(' / ')}`,
      target,
      host: null,
      headers,
      expect: bad(),
    })),
  ),
};
