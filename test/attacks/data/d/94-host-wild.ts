import { denied, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'D94',
  slug: 'host-wild',
  behaviour: 'chooses the longest wildcard host in any case',
  gateway: 'wildcards',
  cases: [
    ...[
      'a.b.example.test',
      'a.B.example.test',
      'A.B.EXAMPLE.TEST',
      'a.b.example.test.',
      'x.a.b.example.test',
      'a.B.Example.test:443',
    ].map((host) => ({
      name: host,
      target: '/x',
      host,
      expect: denied,
    })),
    ...['x.example.test', 'b.example.test', 'ab.example.test', 'x.y.example.test'].map((host) => ({
      name: host,
      target: '/x',
      host,
      expect: passes(),
    })),
    {
      name: 'the bare domain',
      target: '/x',
      host: 'example.test',
      expect: { status: [404, 421], upstream: 'nothing' },
    },
    { name: 'a longer name', target: '/x', host: 'xexample.test', expect: { status: [404, 421], upstream: 'nothing' } },
  ],
};
