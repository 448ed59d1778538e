import test from 'ava';
import fc from 'fast-check';
import { negotiateLanguage } from '../../../src/response/pages/language.ts';
import { factsOf, headerOf, pagesFor } from './support.ts';

test('picks the language with the highest weight', (t) => {
  for (const [header, language] of [
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['DE', 'de'],
    ['de-AT', 'de'],
    ['de-CH-1996', 'de'],
    ['fr', 'en'],
    ['fr, de', 'de'],
    ['en, de', 'en'],
    ['de, en', 'de'],
    ['de;q=0.5, en', 'en'],
    ['en;q=0.5, de;q=0.501', 'de'],
    ['en-GB,en;q=0.9,de;q=0.8', 'en'],
    ['fr-CH, fr;q=0.9, de;q=0.7, en;q=0.6, *;q=0.5', 'de'],
    ['de;q=0', 'en'],
    ['en;q=0, de;q=0.1', 'de'],
    ['en;q=0, *', 'de'],
    ['*', 'en'],
    ['de ; q=1.000 , en', 'de'],
    ['de;q=2', 'en'],
    ['de;q=abc', 'en'],
    ['deutsch', 'en'],
    ['den', 'en'],
    [';;;,,,=', 'en'],
  ] as const)
    t.is(negotiateLanguage(header), language, header);
});

test('any header at all gives a language, quickly', (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => ['en', 'de'].includes(negotiateLanguage(text))));
  const startedAt = performance.now();
  negotiateLanguage(`${'de-'.repeat(50_000)},${' '.repeat(50_000)};q=`);
  t.true(performance.now() - startedAt < 1_000);
});

test('?lang= chooses before the browser does, on our own pages only', (t) => {
  const pages = pagesFor();
  const headers = { 'accept-language': 'en' };
  const visit = pages.visit(factsOf({ url: 'https://a.test/_auth/sign-in?return_to=%2Fx&lang=de', headers }));
  t.is(visit.language, 'de');
  t.is(pages.visit(factsOf({ url: 'https://a.test/app?lang=de', headers })).language, 'en');
  t.is(pages.visit(factsOf({ url: 'https://a.test/_auth/?lang=xx', headers })).language, 'en');
});

test('the language link keeps the rest of the query', (t) => {
  const pages = pagesFor();
  const visit = pages.visit(factsOf({ url: 'https://a.test/_auth/sign-out?return_to=%2Fx%3Fa%3Db&lang=de' }));
  const body = String(pages.signedOut(visit, { returnTo: '/x?a=b' }).body);
  t.true(body.includes('href="/_auth/sign-out?return_to=%2Fx%3Fa%3Db&amp;lang=en"'));
  t.true(body.includes('href="/_auth/sign-in?return_to=%2Fx%3Fa%3Db&amp;lang=de"'), 'a chosen language goes on');
});

test('theme.language forces one, and then offers no other', (t) => {
  const pages = pagesFor({ theme: { language: 'de' } });
  const answer = pages.notFound(
    pages.visit(factsOf({ url: 'https://a.test/_auth/?lang=en', headers: { 'accept-language': 'en' } })),
  );
  t.is(headerOf(answer, 'content-language'), 'de');
  t.notRegex(String(answer.body), /hreflang/);
});

test("an app's own address is not changed by a language link", (t) => {
  const pages = pagesFor();
  const body = String(pages.notFound(pages.visit(factsOf({ url: 'https://a.test/app' }))).body);
  t.notRegex(body, /hreflang/);
});
