import test from 'ava';
import { ownAnswer } from '../../../src/response/own-answer.ts';
import type { AnsweringRoute } from '../../../src/route/table.ts';
import { routesOf, type RouteInput } from '../route/support.ts';

function answering(input: RouteInput): AnsweringRoute {
  const [route] = routesOf([{ upstream: undefined, ...input }]);
  if (route === undefined || route.answer === null) throw new Error('not a route that answers by itself');
  return route;
}

const asked = (rawPath: string, rawQuery = '') => ({ rawPath, rawQuery });

function locationOf(input: RouteInput, rawPath: string, rawQuery?: string): string {
  return new Map(ownAnswer(answering(input), asked(rawPath, rawQuery)).headers).get('Location') ?? '';
}

test('redirects to exactly what is written', (t) => {
  const route = answering({ path: '/old', redirect: 'https://new.test/docs?a=1#b' });
  t.deepEqual(ownAnswer(route, asked('/old/x', '?q')), {
    status: 302,
    headers: [
      ['Location', 'https://new.test/docs?a=1#b'],
      ['Cache-Control', 'no-store'],
    ],
    body: '',
  });
});

test('keeps path and query where the route says so', (t) => {
  const away = { path: '/old', redirect: { to: 'https://new.test/docs/', keepPath: true } };
  t.is(locationOf(away, '/old/a%2Fb', '?q=/old'), 'https://new.test/docs/a%2Fb?q=/old');
  t.is(locationOf(away, '/old', '?q'), 'https://new.test/docs/?q');
  t.is(locationOf(away, '/%6fld/$1'), 'https://new.test/docs/$1');
  const whole = { redirect: { to: 'https://new.test', keepPath: true } };
  t.is(locationOf(whole, '/@evil.test/x'), 'https://new.test/@evil.test/x');
});

test('lets no visitor choose the host', (t) => {
  const here = { path: '/old', redirect: { to: '/', keepPath: true } };
  t.is(locationOf(here, '/old//evil.test/x'), '/evil.test/x');
  t.is(locationOf(here, '/old///evil.test'), '/evil.test');
  t.is(locationOf(here, '/old'), '/');
});

test('answers with what is written, its headers changed as the route says', (t) => {
  const route = answering({
    respond: { status: 404, body: 'nothing here ☺', contentType: 'text/html' },
    responseHeaders: { set: { 'cache-control': 'max-age=60', 'X-Word': 'é' }, remove: ['X-Content-Type-Options'] },
  });
  const answer = ownAnswer(route, asked('/'));
  t.is(answer.status, 404);
  t.is(answer.body, 'nothing here ☺');
  t.deepEqual(answer.headers, [
    ['Content-Type', 'text/html'],
    ['cache-control', 'max-age=60'],
    ['X-Word', 'Ã©'],
  ]);
});
