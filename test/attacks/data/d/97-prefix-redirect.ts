import { type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'D97',
  slug: 'prefix-redirect',
  behaviour: 'ignores X-Forwarded-Prefix, of a trusted proxy too',
  gateway: 'trusting',
  doors: ['http'],
  cases: ['//evil.test', '/evil', 'https://evil.test', '/\\evil.test', '/%0d%0aevil'].flatMap((prefix) => [
    {
      name: `redirect, ${prefix}`,
      target: '/private/x',
      headers: ['Accept: text/html', `X-Forwarded-Prefix: ${prefix}`],
      expect: {
        status: [302, 303],
        upstream: 'nothing' as const,
        answer: { location: /^https:\/\/app\.test\/_auth\/sign-in\?return_to=https%3A%2F%2Fapp\.test%2Fprivate%2Fx$/ },
        answerLacks: ['evil'],
      },
    },
    {
      name: `public, ${prefix}`,
      target: '/public/x',
      headers: [`X-Forwarded-Prefix: ${prefix}`],
      expect: { status: 200, upstream: { headers: { 'x-forwarded-prefix': [] } } },
    },
  ]),
};
