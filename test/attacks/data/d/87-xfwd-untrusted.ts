import { denied, passes, type Attack } from '../../../support/attack.ts';
import { everyForwardingHeader } from '../names.ts';

const made = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'app.test',
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '443',
};
const ours = Object.keys(made);
const gone = Object.fromEntries(
  everyForwardingHeader
    .map((name) => name.toLowerCase())
    .filter((name) => !ours.includes(name))
    .map((name) => [name, []]),
);
const hostile = everyForwardingHeader.map((name) => `${name}: evil`);
const addresses = everyForwardingHeader.map((name) => `${name}: 10.9.8.7`);
const paths = [
  'X-Original-URL',
  'X-Original-URI',
  'X-Rewrite-URL',
  'X-Forwarded-Uri',
  'X-Forwarded-Path',
  'X-Forwarded-Prefix',
];

export const attack: Attack = {
  id: 'D87',
  slug: 'xfwd-untrusted',
  behaviour: 'believes no forwarding header of a visitor and passes none on',
  cases: [
    { name: 'all, public', target: '/public/x', headers: hostile, expect: passes({ headers: { ...made, ...gone } }) },
    {
      name: 'all, signed in',
      as: 'alice',
      target: '/private/x',
      headers: hostile,
      expect: passes({ headers: { ...made, ...gone } }),
    },
    { name: 'addresses', target: '/public/x', headers: addresses, expect: passes({ headers: { ...made, ...gone } }) },
    ...hostile.map((line) => ({
      name: line,
      target: '/public/x',
      headers: [line, line],
      expect: passes({ headers: { ...made, ...gone } }),
    })),
    ...paths.map((name) => ({
      name: `${name}: /public/`,
      target: '/private/x',
      headers: [`${name}: /public/`],
      expect: denied,
    })),
    {
      name: 'another method',
      method: 'POST',
      target: '/private/x',
      headers: ['X-Forwarded-Method: GET', 'X-Original-Method: GET'],
      expect: denied,
    },
    {
      name: 'another host and scheme in the way to the sign-in page',
      target: '/private/x',
      headers: [
        'Accept: text/html',
        ...hostile,
        'X-Forwarded-Proto: http',
        'X-Forwarded-Host: evil.test',
        'X-Forwarded-Port: 81',
      ],
      doors: ['http'],
      expect: {
        status: [302, 303],
        upstream: 'nothing',
        answer: { location: /^https:\/\/app\.test\/_auth\/sign-in\?/ },
        answerLacks: ['evil', '81', 'http%3A'],
      },
    },
  ],
};
