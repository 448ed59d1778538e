import { passes, type Attack } from '../../../support/attack.ts';

const many = Array.from({ length: 200 }, (_, index) => `c${String(index)}=${String(index)}`).join('; ');

/** What stays of the Cookie lines; undefined where only the absence of ours is asked. */
const odd = (name: string, lines: readonly string[], left?: string | readonly string[], target = '/private/x') => ({
  name,
  as: 'alice' as const,
  target,
  headers: lines.map((line) => `Cookie: ${line}`),
  expect: left === undefined ? passes() : passes({ headers: { cookie: left } }),
});

export const attack: Attack = {
  id: 'A19',
  slug: 'cookie-strip-odd',
  behaviour: 'cuts its own cookie out of odd Cookie headers too',
  cases: [
    odd('ours twice', ['{session}; a=1; {session}'], 'a=1'),
    odd('an empty one of ours beside it', ['a=1; {cookie}=; {session}; b=2'], 'a=1; b=2', '/public/x'),
    odd('empty name', ['=nameless; {session}; b=2']),
    odd('empty parts', [';;;{session};;; b=2;;;']),
    odd('200 others', [`${many}; {session}`], many),
    odd(
      'a longer name of the same beginning',
      ['{cookie}2=keep; {session}; b=2'],
      '{cookie}2=keep; b=2'.replace('{cookie}', '__Host-sallyport'),
    ),
    odd('numbered pieces', ['{cookie}.0=evil; {cookie}.1=evil; {session}; b=2'], 'b=2'),
    odd('without a blank after the semicolon', ['a=1;{session};b=2']),
    odd('tabs around', ['a=1;\t{session}\t; b=2'], 'a=1; b=2', '/public/x'),
    odd('another case', ['__HOST-SALLYPORT=evil; {session}; b=2'], 'b=2'),
    odd('without the prefix', ['sallyport=evil; {session}; b=2'], 'b=2'),
    odd('with the other prefix', ['__Secure-sallyport=evil; {session}; b=2'], 'b=2'),
    odd('a quoted second one', ['{session}; b="2; {cookie}=evil"'], 'b="2', '/public/x'),
    odd('8 bit neighbours', ['a=\xe9\xff; {session}; b=2'], 'a=\xe9\xff; b=2'),
    {
      name: 'two Cookie lines',
      as: 'alice',
      target: '/private/x',
      headers: ['Cookie: a=1', 'Cookie: {session}; b=2'],
      // RFC 9113 §8.2.3 joins them; two lines left as they are serve as well.
      expect: passes(),
    },
    {
      name: 'a Cookie header of 0 bytes',
      target: '/public/x',
      headers: ['Cookie:'],
      expect: passes(),
    },
  ],
};
