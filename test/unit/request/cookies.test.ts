import test from 'ava';
import fc from 'fast-check';
import { cutCookies, readCookie } from '../../../src/request/cookies.ts';
import { factsOf } from './support.ts';

const isOurs = (name: string): boolean => /^gw(\.\d+)?$/i.test(name);
const cut = (...lines: string[]): string | null => cutCookies(lines, isOurs);

test('cuts our cookies and leaves every other byte in its place', (t) => {
  t.is(cut('a=1; gw=SID; b=2'), 'a=1; b=2');
  t.is(cut('gw=SID; b=2'), 'b=2');
  t.is(cut('a=1; gw=SID'), 'a=1');
  t.is(cut('a=1;gw=SID;b=2'), 'a=1;b=2');
  t.is(cut('a="x y";  b = 2 ;;; c'), 'a="x y";  b = 2 ;;; c');
  t.is(cut('gw=1; a=1; gw=2; gw.0=3; GW=4; gw2=keep'), 'a=1; gw2=keep');
  t.is(cut(';;;'), ';;;');
});

test('leaves no header where nothing is left', (t) => {
  t.is(cut('gw=SID'), null);
  t.is(cut('gw=SID', 'gw=SID; gw.1=x'), null);
  t.is(cut(''), null);
  t.is(cut(), null);
});

test('joins several lines as one', (t) => {
  t.is(cut('a=1', 'gw=x', 'b=2'), 'a=1; b=2');
});

test('cuts spellings of our name that only careless parsers take for it', (t) => {
  for (const odd of [' gw =x', '=gw=x', '"gw"=x', '\tgw\t=x', '\xa0gw=x', '\xe2\x80\x80gw=x', 'gw', 'gw ="quoted"'])
    t.is(cut(`a=1;${odd}; b=2`), 'a=1; b=2', odd);
});

test('leaves no cookie of ours behind and takes no other away', (t) => {
  const pair = fc.constantFrom('gw=1', 'gw.1=x', 'a=1', ' b=2', 'c', '', ' gw=2', ' d="gw=1"', 'GW=3');
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const rest = cut(pairs.join(';')) ?? '';
      const others = pairs
        .map((text) => text.trim())
        .filter((text) => text !== '' && !isOurs(text.split('=')[0] ?? ''));
      const left = rest
        .split(';')
        .map((text) => text.trim())
        .filter((text) => text !== '');
      t.deepEqual(left, others);
    }),
  );
});

test('reads a cookie of ours unless it was sent with two values', (t) => {
  const read = (cookie: string): string | null =>
    readCookie(factsOf({ lines: ['Host: a', `Cookie: ${cookie}`] }), 'gw-form');
  t.is(read('a=1; gw-form=x'), 'x');
  t.is(read('gw-form=x; gw-form=x'), 'x');
  t.is(read('gw-form=x; gw-form=y'), null);
  t.is(read('gw-formx=y'), null);
  t.is(readCookie(factsOf(), 'gw-form'), null);
});
