import test from 'ava';
import type { Authenticated, Rejected } from '../../../src/authentication/authenticator.ts';
import type { Answer } from '../../../src/response/answer.ts';
import { createRefuser, type Refusal } from '../../../src/response/refusal.ts';
import { factsOf, headerOf, headersOf, pagesFor, routeOf, type FactsInput } from './support.ts';

const browser = { accept: 'text/html', 'accept-language': 'en' };
const expiry = '__Host-sallyport=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax';

function refuserFor(cookieDomain: string | null = 'example.com') {
  return createRefuser({
    pages: pagesFor(),
    authPath: '/_auth',
    publicUrl: 'https://auth.example.com',
    cookieDomain,
    clearCookies: [expiry],
    accessTokens: true,
  });
}
const refuse = refuserFor();

const alice: Authenticated = {
  kind: 'authenticated',
  identity: {
    user: 'alice',
    name: 'Alice',
    email: '',
    groups: ['staff'],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'alice',
  },
  session: null,
  consumesAuthorization: false,
  secondFactor: false,
  authenticatedAtMs: 0,
};
const route = routeOf();
const challenge: Refusal = { kind: 'challenge', route, rejected: null, reason: 'not-signed-in' };
const deny: Refusal = { kind: 'deny', route, visitor: alice, reason: 'denied' };
const noRoute: Refusal = { kind: 'no-route', reason: 'no-route' };
const secondFactor: Refusal = {
  kind: 'step-up',
  route,
  visitor: alice,
  step: 'second-factor',
  reason: 'second-factor-required',
};
const recentSignIn: Refusal = { ...secondFactor, step: 'recent-sign-in', reason: 'recent-sign-in-required' };

const deep = 'https://app.example.com/a/b%20c?x=1&y=%2Fz+w';
const person = (url = deep, more: FactsInput = {}) => factsOf({ url, headers: browser, ...more });
const program = (url = deep, more: FactsInput = {}) => factsOf({ url, headers: { accept: '*/*' }, ...more });

interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly reason: string;
  readonly requestId: string;
  readonly signInUrl?: string;
  readonly stepUpUrl?: string;
}
const problemOf = (answer: Answer) => JSON.parse(String(answer.body)) as ProblemBody;
const encodedDeep = encodeURIComponent(deep);

test('a person who is not signed in is led to the sign-in page with the address to return to', (t) => {
  const answer = refuse(challenge, person());
  t.is(answer.status, 302);
  t.is(headerOf(answer, 'location'), `https://auth.example.com/_auth/sign-in?return_to=${encodedDeep}`);
  t.is(headerOf(answer, 'cache-control'), 'no-store');
  t.is(answer.body, '');
});

test('a program that is not signed in gets 401 with a problem that names the sign-in page', (t) => {
  const answer = refuse(challenge, program());
  t.is(answer.status, 401);
  t.is(headerOf(answer, 'content-type'), 'application/problem+json');
  t.is(headerOf(answer, 'cache-control'), 'no-store');
  t.is(headerOf(answer, 'www-authenticate'), 'Cookie realm="sallyport"');
  t.deepEqual(problemOf(answer), {
    type: 'about:blank',
    title: 'Unauthorized',
    status: 401,
    detail: 'Sign in first, at signInUrl.',
    reason: 'not-signed-in',
    requestId: 'req-1',
    signInUrl: `https://auth.example.com/_auth/sign-in?return_to=${encodedDeep}`,
  });
});

test('a script is sent back to the front of the app, not to the address that it called', (t) => {
  const calls: FactsInput[] = [
    { method: 'POST' },
    { headers: { accept: '*/*', 'sec-fetch-mode': 'cors' } },
    { headers: { 'x-requested-with': 'XMLHttpRequest' } },
    { upgrade: ['websocket'] },
  ];
  const front = encodeURIComponent('https://app.example.com/');
  for (const more of calls) {
    const answer = refuse(challenge, program(deep, more));
    t.is(answer.status, 401);
    t.is(problemOf(answer).signInUrl, `https://auth.example.com/_auth/sign-in?return_to=${front}`);
  }
});

test('a host outside of the cookie domain signs in under its own name', (t) => {
  const answer = refuse(challenge, person('https://other.test/a?b=c'));
  t.is(headerOf(answer, 'location'), '/_auth/sign-in?return_to=%2Fa%3Fb%3Dc');
  const lookAlike = refuse(challenge, person('https://evilexample.com/a'));
  t.is(headerOf(lookAlike, 'location'), '/_auth/sign-in?return_to=%2Fa');
  const alone = refuserFor(null);
  t.is(
    headerOf(alone(challenge, person()), 'location'),
    `/_auth/sign-in?return_to=${encodeURIComponent('/a/b%20c?x=1&y=%2Fz+w')}`,
  );
  t.is(
    headerOf(alone(challenge, person('https://auth.example.com/a')), 'location'),
    `https://auth.example.com/_auth/sign-in?return_to=${encodeURIComponent('https://auth.example.com/a')}`,
  );
});

test('raw bytes in the address become escapes in the way back', (t) => {
  const answer = refuse(challenge, person('https://other.test/caf\xe9?q=\xff'));
  t.is(headerOf(answer, 'location'), `/_auth/sign-in?return_to=${encodeURIComponent('/caf%E9?q=%FF')}`);
});

test('a dead session cookie is expired, for a person and for a program', (t) => {
  const rejected: Rejected = {
    kind: 'rejected',
    reason: 'session-unknown',
    clearSessionCookie: true,
    retryAfterSeconds: null,
  };
  for (const facts of [person(), program()])
    t.deepEqual(headersOf(refuse({ ...challenge, rejected }, facts), 'set-cookie'), [expiry]);
  t.is(refuse({ ...challenge, rejected }, person()).status, 302);
  t.deepEqual(headersOf(refuse(challenge, person()), 'set-cookie'), []);
});

test('a route that accepts Basic offers it to programs, never to scripts in a browser', (t) => {
  const basic: Refusal = { ...challenge, route: routeOf({ acceptBasic: true, title: 'My "Wiki" \\ ü' }) };
  t.is(headerOf(refuse(basic, program()), 'www-authenticate'), 'Basic realm="My \\"Wiki\\" \\\\ ?", charset="UTF-8"');
  t.is(headerOf(refuse(basic, program(deep, { method: 'PROPFIND' })), 'www-authenticate')?.slice(0, 5), 'Basic');
  const script = program(deep, { headers: { 'sec-fetch-mode': 'cors' } });
  t.is(headerOf(refuse(basic, script), 'www-authenticate'), 'Cookie realm="sallyport"');
  t.is(refuse(basic, person()).status, 302);
});

test('wrong Basic credentials get 401 and never a redirect', (t) => {
  const rejected: Rejected = {
    kind: 'rejected',
    reason: 'basic-mismatch',
    clearSessionCookie: false,
    retryAfterSeconds: null,
  };
  const basic: Refusal = { ...challenge, route: routeOf({ acceptBasic: true }), rejected };
  const forProgram = refuse(basic, program());
  t.is(forProgram.status, 401);
  t.is(problemOf(forProgram).reason, 'basic-mismatch');
  for (const answer of [forProgram, refuse(basic, person())]) {
    t.is(answer.status, 401);
    t.is(headerOf(answer, 'www-authenticate'), 'Basic realm="Wiki", charset="UTF-8"');
    t.is(headerOf(answer, 'location'), undefined);
  }
});

test('throttled Basic credentials get 429 with Retry-After', (t) => {
  const rejected: Rejected = {
    kind: 'rejected',
    reason: 'throttled',
    clearSessionCookie: false,
    retryAfterSeconds: 599.2,
  };
  for (const facts of [person(), program()]) {
    const answer = refuse({ ...challenge, rejected }, facts);
    t.is(answer.status, 429);
    t.is(headerOf(answer, 'retry-after'), '600');
    t.is(headerOf(answer, 'www-authenticate'), undefined);
  }
});

test('a person who must step up is led to the step', (t) => {
  t.is(
    headerOf(refuse(secondFactor, person()), 'location'),
    `https://auth.example.com/_auth/step-up?return_to=${encodedDeep}`,
  );
  t.is(
    headerOf(refuse(recentSignIn, person()), 'location'),
    `https://auth.example.com/_auth/sign-in?again=1&return_to=${encodedDeep}`,
  );
});

test('a program that must step up gets 401 with stepUpUrl', (t) => {
  for (const [refusal, page] of [
    [secondFactor, 'step-up?'],
    [recentSignIn, 'sign-in?again=1&'],
  ] as const) {
    const answer = refuse(refusal, program());
    t.is(answer.status, 401);
    t.is(problemOf(answer).reason, refusal.reason);
    t.is(problemOf(answer).stepUpUrl, `https://auth.example.com/_auth/${page}return_to=${encodedDeep}`);
    t.is(problemOf(answer).signInUrl, undefined);
    t.truthy(headerOf(answer, 'www-authenticate'));
  }
});

test('a person who is denied gets a page that says who they are and offers to switch user', (t) => {
  const answer = refuse(deny, person());
  t.is(answer.status, 403);
  const body = String(answer.body);
  t.regex(body, /<bdi>alice<\/bdi>/);
  t.regex(body, /Switch user/);
  t.true(body.includes(`href="https://auth.example.com/_auth/sign-in?return_to=${encodedDeep}"`));
  t.regex(body, /req-1/);
});

test('an unknown visitor who is denied is not told about other users', (t) => {
  const answer = refuse({ ...deny, visitor: null }, person());
  t.is(answer.status, 403);
  t.notRegex(String(answer.body), /signed in as/);
});

test('a program that is denied gets a 403 problem without links', (t) => {
  const answer = refuse(deny, program());
  t.is(answer.status, 403);
  t.is(problemOf(answer).reason, 'denied');
  t.is(problemOf(answer).signInUrl, undefined);
});

test('no route is 404, as a page or as a problem', (t) => {
  t.is(refuse(noRoute, person()).status, 404);
  t.is(headerOf(refuse(noRoute, person()), 'content-type'), 'text/html; charset=utf-8');
  t.is(refuse(noRoute, program()).status, 404);
  t.is(problemOf(refuse(noRoute, program())).reason, 'no-route');
});

test('an encoded slash where none is expected is 400 and ends the connection', (t) => {
  const refusal: Refusal = { kind: 'refuse', status: 400, route, reason: 'encoded-slash' };
  t.is(refuse(refusal, person()).status, 400);
  t.is(problemOf(refuse(refusal, program())).reason, 'encoded-slash');
  t.true(refuse(refusal, program()).close);
});

test('what could not be read keeps its status and reason, and ends the connection', (t) => {
  for (const status of [400, 405, 414, 417, 421, 426, 431, 501, 505] as const) {
    const answer = refuse({ kind: 'unreadable', unreadable: { status, reason: 'some-reason' } }, null);
    t.is(answer.status, status);
    t.true(answer.close);
    t.is(problemOf(answer).reason, 'some-reason');
    t.is(headerOf(answer, 'cache-control'), 'no-store');
  }
});

test('what could not be read is still told to a person as a page, where that much is known', (t) => {
  const { method, header, upgrade } = factsOf({ headers: { accept: 'text/html', 'accept-language': 'de' } });
  const unreadable = { status: 400, reason: 'dot-segment' } as const;
  const answer = refuse(
    { kind: 'unreadable', unreadable, requestId: 'req-9', asked: { method, header, upgrade } },
    null,
  );
  t.is(headerOf(answer, 'content-language'), 'de');
  t.true(answer.close);
  t.regex(String(answer.body), /req-9/);
});

test('an unreachable store is 503 with Retry-After, never a sign-in page', (t) => {
  for (const facts of [person(), program()]) {
    const answer = refuse({ kind: 'unavailable', retryAfterSeconds: 5 }, facts);
    t.is(answer.status, 503);
    t.is(headerOf(answer, 'retry-after'), '5');
    t.is(headerOf(answer, 'location'), undefined);
    t.is(headerOf(answer, 'cache-control'), 'no-store');
  }
});

test('an upstream that is down is 502, one that is slow 504, both with the request id', (t) => {
  for (const [kind, status] of [
    ['upstream-down', 502],
    ['upstream-slow', 504],
  ] as const) {
    const page = refuse({ kind, route }, person());
    t.is(page.status, status);
    t.regex(String(page.body), /req-1/);
    t.regex(String(page.body), /Wiki/);
    const problem = refuse({ kind, route }, program());
    t.is(problem.status, status);
    t.is(problemOf(problem).requestId, 'req-1');
    t.is(problemOf(problem).reason, kind);
  }
});

test('a WebSocket from another origin is 403', (t) => {
  const answer = refuse({ kind: 'websocket-origin' }, person(deep, { upgrade: ['websocket'] }));
  t.is(answer.status, 403);
  t.is(problemOf(answer).reason, 'websocket-origin');
});

test('an upgrade is never answered with a page', (t) => {
  const upgrade = person(deep, { upgrade: ['websocket'] });
  for (const refusal of [challenge, secondFactor, deny, noRoute])
    t.is(headerOf(refuse(refusal, upgrade), 'content-type'), 'application/problem+json');
});

test('a surprise is 500 and tells nothing but the request id', (t) => {
  t.is(refuse({ kind: 'internal' }, person()).status, 500);
  t.is(problemOf(refuse({ kind: 'internal' }, program())).requestId, 'req-1');
  t.is(problemOf(refuse({ kind: 'internal', requestId: 'req-7' }, null)).requestId, 'req-7');
});

test('nothing about upstreams, rules or groups stands in any answer', (t) => {
  for (const refusal of [
    challenge,
    secondFactor,
    recentSignIn,
    deny,
    noRoute,
    { kind: 'upstream-down', route } as const,
  ])
    for (const facts of [person(), program()]) {
      const text = JSON.stringify(refuse(refusal, facts));
      t.notRegex(text, /10\.9\.8\.7|3000|staff/);
    }
});

test('pages speak the language of the browser', (t) => {
  const german = factsOf({ headers: { accept: 'text/html', 'accept-language': 'fr;q=0.2, de-AT;q=0.9' } });
  const answer = refuse(deny, german);
  t.is(headerOf(answer, 'content-language'), 'de');
  t.regex(String(answer.body), /<html lang="de"/);
  t.regex(String(answer.body), /Benutzer wechseln/);
});
