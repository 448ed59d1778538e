import { type Attack } from '../../../support/attack.ts';

const refused = { status: [400, 405, 501], closed: true, upstream: 'nothing' } as const;

export const attack: Attack = {
  id: 'B46',
  slug: 'connect-trace',
  behaviour: 'opens no tunnel for CONNECT and echoes nothing for TRACE',
  doors: ['http'],
  cases: [
    ...['x:443', '127.0.0.1:80', 'app.test:443', '/public/x', 'http://app.test/public/x'].map((target) => ({
      name: `CONNECT ${target}`,
      as: 'alice' as const,
      method: 'CONNECT',
      target,
      expect: { ...refused, orSilent: true },
    })),
    ...['TRACE', 'TRACK'].map((method) => ({
      name: method,
      as: 'alice' as const,
      method,
      target: '/public/x',
      headers: ['X-Secret: hidden'],
      expect: { status: [400, 405, 501], upstream: 'nothing' as const, answerLacks: ['hidden'] },
    })),
  ],
};
