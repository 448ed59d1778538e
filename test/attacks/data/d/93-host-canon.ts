import { badOrDenied, denied, passes, type Attack } from '../../../support/attack.ts';

const hosts = ['APP.TEST', 'App.Test', 'app.test.', 'APP.TEST.', 'app.test:80', 'app.test:443', 'app.test.:443'];

export const attack: Attack = {
  id: 'D93',
  slug: 'host-canon',
  behaviour: 'knows a host in every case, with a final dot and a port',
  cases: hosts.flatMap((host) => [
    {
      name: `${host} public`,
      target: '/public/x',
      host,
      expect: { ...passes(), status: [200, 400], upstream: 'anything' as const },
    },
    { name: `${host} private`, target: '/private/x', host, expect: { ...denied, status: [302, 400, 401, 403] } },
    { name: `${host} admin as alice`, as: 'alice' as const, target: '/admin/x', host, expect: badOrDenied },
  ]),
};
