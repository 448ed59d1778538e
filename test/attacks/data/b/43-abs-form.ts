import { bad, denied, passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'B43',
  slug: 'abs-form',
  behaviour: 'takes an absolute target only when it names the same host, and forwards the path alone',
  cases: [
    ...[
      'http://other.test/admin/',
      'http://other.test/public/x',
      'http://app.test:8080/public/x',
      'http://app.test@other.test/public/x',
      'http://user@app.test/public/x',
      'http://user:pw@app.test/public/x',
      'http:///public/x',
      'http:/public/x',
      'http:public/x',
      'ftp://app.test/public/x',
      'file:///public/x',
      'ws://app.test/public/x',
      'javascript:alert(1)',
      'http://app.test\\@other.test/public/x',
      'http://app.test#/public/x',
      'app.test/public/x',
      'public/x',
    ].map((target) => ({ name: target, target, expect: bad() })),
    { name: 'the same host', target: 'http://app.test/public/x?q=1', expect: passes({ target: '/public/x?q=1' }) },
    { name: 'the same host, private', target: 'http://app.test/private/x', expect: denied },
    { name: 'traversal in it', target: 'http://app.test/public/../private/x', expect: bad() },
  ],
};
