import { type Attack } from '../../../support/attack.ts';

const page = [
  'Accept: text/html',
  'Sec-Fetch-Mode: navigate',
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Proto: http',
  'Forwarded: host=evil.test',
];

export const attack: Attack = {
  id: 'D96',
  slug: 'host-link',
  behaviour: 'makes links from its configuration and not from headers',
  doors: ['http'],
  cases: [
    {
      name: 'to the sign-in page',
      target: '/private/x?a=b',
      headers: page,
      expect: {
        status: [302, 303],
        upstream: 'nothing',
        answer: {
          location: /^https:\/\/app\.test\/_auth\/sign-in\?return_to=https%3A%2F%2Fapp\.test%2Fprivate%2Fx%3Fa%3Db$/,
        },
        answerLacks: ['evil'],
      },
    },
    {
      name: 'to the sign-in page with a port in Host',
      target: '/private/x',
      host: 'app.test:8443',
      headers: page,
      expect: {
        status: [302, 303],
        upstream: 'nothing',
        answer: { location: /^(https:\/\/app\.test)?\/_auth\/sign-in\?/ },
        answerLacks: ['evil'],
      },
    },
    {
      name: 'on another host',
      target: '/x',
      host: 'other.test',
      headers: page,
      expect: {
        status: [302, 303],
        upstream: 'nothing',
        answer: { location: /^\/_auth\/sign-in\?return_to=%2Fx$/ },
        answerLacks: ['evil'],
      },
    },
    {
      name: 'the sign-in page',
      target: '/_auth/sign-in',
      headers: page,
      expect: { status: 200, upstream: 'nothing', answerLacks: ['evil'] },
    },
    {
      name: 'the signed-out page',
      target: '/_auth/sign-out',
      headers: page,
      expect: { status: [200, 302, 303], upstream: 'nothing', answerLacks: ['evil'] },
    },
    {
      name: 'problem',
      target: '/private/x',
      headers: ['Accept: application/json', 'X-Forwarded-Host: evil.test'],
      expect: { status: 401, upstream: 'nothing', answerLacks: ['evil'] },
    },
  ],
};
