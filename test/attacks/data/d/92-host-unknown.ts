import { type Attack } from '../../../support/attack.ts';

const unknown = {
  // 400: an upgrade of a page of ours.
  status: [400, 404, 421],
  upstream: 'nothing',
  answer: { 'set-cookie': null },
  answerLacks: ['evil.test'],
} as const;

export const attack: Attack = {
  id: 'D92',
  slug: 'host-unknown',
  behaviour: 'knows no host that no route names, and never repeats it',
  cases: ['/', '/public/x', '/private/x', '/_auth/sign-in', '/_auth/sign-out', '/_auth/'].flatMap((target) => [
    { name: target, target, host: 'evil.test', expect: unknown },
    {
      name: `${target} navigation`,
      target,
      host: 'evil.test',
      headers: ['Accept: text/html', 'Sec-Fetch-Mode: navigate'],
      doors: ['http'],
      expect: unknown,
    },
    {
      name: `${target} with a session`,
      as: 'alice' as const,
      target,
      host: 'evil.test',
      expect: { status: [400, 404, 421], upstream: 'nothing' as const, answerLacks: ['evil.test'] },
    },
  ]),
};
