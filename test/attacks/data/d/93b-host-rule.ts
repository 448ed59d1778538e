import { badOrDenied, passes, type Attack } from '../../../support/attack.ts';

const gateway = {
  server: { publicUrl: 'https://app.test' },
  routes: [
    {
      upstream: '{UP}',
      access: [{ deny: 'anyone', when: { hosts: ['locked.test', '*.locked.test'] } }, { allow: 'anyone' }],
    },
  ],
};

export const attack: Attack = {
  id: 'D93',
  slug: 'host-canon',
  behaviour: 'lets no spelling of a host dodge a rule about it',
  gateway,
  cases: [
    ...[
      'locked.test',
      'LOCKED.TEST',
      'Locked.test',
      'locked.test.',
      'LOCKED.test.:80',
      'locked.test:8443',
      'a.locked.test',
      'A.LOCKED.TEST.',
      'a.b.Locked.Test',
    ].map((host) => ({
      name: host,
      target: '/x',
      host,
      expect: badOrDenied,
    })),
    { name: 'another', target: '/x', host: 'unlocked.test', expect: passes() },
  ],
};
