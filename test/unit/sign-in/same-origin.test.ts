import test from 'ava';
import type { RawHeader } from '../../../src/request/facts.ts';
import { sourceOf } from '../../../src/sign-in/same-origin.ts';
import { planSignOut } from '../../../src/sign-in/sign-out.ts';
import { makeFacts } from '../../support/facts.ts';

const post = (...headers: RawHeader[]) => makeFacts({ method: 'POST', headers });
const get = (...headers: RawHeader[]) => makeFacts({ method: 'GET', path: '/_auth/sign-out', headers });

const own: RawHeader[][] = [
  [['Origin', 'https://app.test']],
  [['Sec-Fetch-Site', 'same-origin']],
  [['Sec-Fetch-Site', 'none']],
  [
    ['origin', 'https://app.test'],
    ['sec-fetch-site', 'same-origin'],
  ],
];

const foreign: RawHeader[][] = [
  [['Origin', 'https://evil.test']],
  [['Origin', 'null']],
  [['Origin', '']],
  [['Origin', 'http://app.test']],
  [['Origin', 'https://app.test:8443']],
  [['Origin', 'https://app.test.evil.test']],
  [['Origin', 'https://APP.test/']],
  [['Sec-Fetch-Site', 'cross-site']],
  [['Sec-Fetch-Site', 'same-site']],
  [['Sec-Fetch-Site', 'whatever']],
  [
    ['Origin', 'https://app.test'],
    ['Origin', 'https://evil.test'],
  ],
  [
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-Site', 'cross-site'],
  ],
  [
    ['Origin', 'https://app.test'],
    ['Sec-Fetch-Site', 'cross-site'],
  ],
  [
    ['Origin', 'https://evil.test'],
    ['Sec-Fetch-Site', 'same-origin'],
  ],
];

test('knows our own pages from other sites, siblings and pages without an origin', (t) => {
  for (const headers of own) t.is(sourceOf(post(...headers)), 'own', JSON.stringify(headers));
  for (const headers of foreign) t.is(sourceOf(post(...headers)), 'foreign', JSON.stringify(headers));
  t.is(sourceOf(post(['Referer', 'https://app.test/'])), 'unknown');
});

test('compares the origin with scheme and port of this very request', (t) => {
  const facts = makeFacts({
    scheme: 'http',
    host: 'localhost',
    port: 8080,
    headers: [['Origin', 'http://localhost:8080']],
  });
  t.is(sourceOf(facts), 'own');
});

test("a POST signs out from our own page, and with the form's token where the browser says nothing", (t) => {
  for (const headers of own) t.is(planSignOut(post(...headers), false).kind, 'sign-out', JSON.stringify(headers));
  for (const headers of foreign) {
    t.is(planSignOut(post(...headers), false).kind, 'forbidden', JSON.stringify(headers));
    t.is(planSignOut(post(...headers), true).kind, 'forbidden', JSON.stringify(headers));
  }
  t.is(planSignOut(post(), true).kind, 'sign-out');
  t.is(planSignOut(post(), false).kind, 'forbidden');
});

test('a GET signs out as a link on the same host, and asks first otherwise', (t) => {
  const navigate: RawHeader[] = [
    ['Sec-Fetch-Mode', 'navigate'],
    ['Sec-Fetch-Dest', 'document'],
  ];
  t.is(planSignOut(get(['Sec-Fetch-Site', 'same-origin'], ...navigate), false).kind, 'sign-out');
  t.is(planSignOut(get(['Sec-Fetch-Site', 'none'], ...navigate), false).kind, 'sign-out');
  t.is(planSignOut(get(['Referer', 'https://app.test/wiki']), false).kind, 'sign-out', 'plain http sends no more');
  const asked: RawHeader[][] = [
    [],
    [['Referer', 'https://evil.test/']],
    [['Referer', 'garbage']],
    [['Referer', 'http://app.test/']],
    [['Sec-Fetch-Site', 'cross-site'], ...navigate],
    [['Sec-Fetch-Site', 'same-site'], ...navigate],
    [['Sec-Fetch-Site', 'cross-site'], ['Referer', 'https://app.test/'], ...navigate],
    [
      ['Sec-Fetch-Site', 'same-origin'],
      ['Sec-Fetch-Mode', 'no-cors'],
      ['Sec-Fetch-Dest', 'image'],
    ],
    [
      ['Sec-Fetch-Site', 'same-origin'],
      ['Sec-Fetch-Mode', 'navigate'],
      ['Sec-Fetch-Dest', 'iframe'],
    ],
    [['Sec-Fetch-Site', 'same-origin'], ['Sec-Purpose', 'prefetch'], ...navigate],
  ];
  for (const headers of asked) t.is(planSignOut(get(...headers), true).kind, 'ask', JSON.stringify(headers));
  t.is(planSignOut(makeFacts({ method: 'HEAD', headers: [['Sec-Fetch-Site', 'same-origin']] }), false).kind, 'ask');
});
