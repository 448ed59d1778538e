import test from 'ava';
import { readOrigin } from '../../../src/sign-in/same-origin.ts';
import { expireAppCookies, judgeSignOut } from '../../../src/sign-in/sign-out.ts';
import { factsOf } from '../../support/facts.ts';

const asked = (method: string, headers: Record<string, string>, token = false) =>
  judgeSignOut(factsOf({ method, headers }), token);

test('reads where a request comes from, the less trusting word first', (t) => {
  const origin = (headers: Record<string, string>) => readOrigin(factsOf({ headers }));
  t.is(origin({ 'Sec-Fetch-Site': 'same-origin' }), 'same-origin');
  t.is(origin({ 'Sec-Fetch-Site': 'none' }), 'user');
  t.is(origin({ 'Sec-Fetch-Site': 'same-site' }), 'foreign');
  t.is(origin({ 'Sec-Fetch-Site': 'cross-site' }), 'foreign');
  t.is(origin({ 'Sec-Fetch-Site': 'same-origin', Origin: 'https://evil.test' }), 'foreign');
  t.is(origin({ Origin: 'null' }), 'foreign');
  t.is(origin({ Origin: 'https://app.test' }), 'same-origin');
  t.is(origin({ Origin: 'http://app.test' }), 'foreign');
  t.is(origin({ Referer: 'https://app.test/wiki' }), 'same-origin');
  t.is(origin({ Referer: 'https://app.test.evil.test/' }), 'foreign');
  t.is(origin({ Referer: 'nonsense' }), 'foreign');
  t.is(origin({}), 'unknown');
});

test('ends the session at a plain link in the app and asks at a link from elsewhere', (t) => {
  t.is(asked('GET', { 'Sec-Fetch-Site': 'same-origin' }), 'end');
  t.is(asked('GET', { 'Sec-Fetch-Site': 'none' }), 'end');
  t.is(asked('GET', { Referer: 'https://app.test/wiki' }), 'end');
  t.is(asked('GET', { 'Sec-Fetch-Site': 'cross-site' }), 'ask');
  t.is(asked('GET', { 'Sec-Fetch-Site': 'same-site' }), 'ask');
  t.is(asked('GET', {}), 'ask');
  t.is(asked('HEAD', { 'Sec-Fetch-Site': 'same-origin' }), 'ask');
});

test('takes a post from this origin or with the token of this browser, and no other', (t) => {
  t.is(asked('POST', { Origin: 'https://app.test' }), 'end');
  t.is(asked('POST', {}, true), 'end');
  t.is(asked('POST', {}), 'refuse');
  t.is(asked('POST', { Origin: 'https://evil.test' }, true), 'refuse');
  t.is(asked('POST', { Origin: 'null' }, true), 'refuse');
  t.is(asked('POST', { 'Sec-Fetch-Site': 'same-site' }, true), 'refuse');
});

test("expires the app's cookies at the root and where the route stands", (t) => {
  const expired = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT';
  t.deepEqual(expireAppCookies(['JSESSIONID'], ['/app', '/']), [
    `JSESSIONID=; Path=/; ${expired}`,
    `JSESSIONID=; Path=/app; ${expired}`,
  ]);
});
