import { denied, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'C81',
  slug: 'ip-policy',
  behaviour: 'matches networks with the address of the peer, whatever a visitor says',
  gateway: 'networks',
  cases: [
    ...[
      'X-Forwarded-For',
      'X-Real-IP',
      'X-Client-IP',
      'True-Client-IP',
      'CF-Connecting-IP',
      'X_Forwarded_For',
      'X.Forwarded.For',
    ].flatMap((name) =>
      ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1, 10.0.0.1'].map((value) => ({
        name: `${name}: ${value}`,
        target: '/x',
        headers: [`${name}: ${value}`],
        expect: denied,
      })),
    ),
    { name: 'Forwarded', target: '/x', headers: ['Forwarded: for=10.0.0.1;by=10.0.0.2'], expect: denied },
    { name: 'nothing said', target: '/x', expect: denied },
  ],
};
