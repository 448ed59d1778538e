import { type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'D91',
  slug: 'xfp-cookie',
  behaviour: 'keeps Secure, HSTS and https whatever X-Forwarded-Proto says',
  doors: ['http'],
  cases: ['http', 'https', 'HTTP', 'ftp', '', 'http, https'].flatMap((proto) => [
    {
      name: `sign-in page, ${proto}`,
      target: '/_auth/sign-in',
      headers: ['Accept: text/html', `X-Forwarded-Proto: ${proto}`],
      expect: {
        status: 200,
        upstream: 'nothing' as const,
        answer: { 'set-cookie': /^__Host-sallyport-form=.*;\s*Secure/i, 'strict-transport-security': /max-age=\d{8}/ },
      },
    },
    {
      name: `redirect, ${proto}`,
      target: '/private/x',
      headers: ['Accept: text/html', `X-Forwarded-Proto: ${proto}`],
      expect: {
        status: [302, 303],
        upstream: 'nothing' as const,
        answer: { location: /^https:\/\/app\.test\/_auth\/sign-in\?return_to=https%3A%2F%2Fapp\.test%2Fprivate%2Fx$/ },
      },
    },
  ]),
};
