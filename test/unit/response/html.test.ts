import test from 'ava';
import fc from 'fast-check';
import { escapeHtml, href, html, raw } from '../../../src/response/pages/html.ts';
import { everyPage, plainTexts } from './every-page.ts';
import { factsOf, pagesFor } from './support.ts';

const visitUrl = 'https://auth.example.com/_auth/sign-in';

/** The characters that make structure; what is left when two pages differ in text only is the same. */
function structure(document: string): string {
  return document.replace(/[^<>"'`]/g, '');
}

/** What a page with an empty text may leave out is not of interest here. */
const hostile = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '`', '&', '/', '=', ' ', 'a', '\n', '\0'), minLength: 1 }),
    fc.constantFrom(
      '"><script>alert(1)</script>',
      "' onmouseover='alert(1)",
      '</title><script>x</script>',
      '</textarea><img src=x onerror=alert(1)>',
      '<!--',
      ']]>',
      '&lt;script&gt;',
      '\u2028<svg/onload=alert(1)>',
      '\u202e<b>',
      '\ud800<script>',
      'javascript:alert(1)',
      '{{7*7}}${7*7}%s',
    ),
  )
  .map((text) => `x${text}`);

test('no text from outside changes the structure of any page', (t) => {
  const pages = pagesFor();
  const visit = pages.visit(factsOf({ url: visitUrl }));
  const plain = everyPage(pages, visit, plainTexts).map(([, answer]) => structure(String(answer.body)));
  fc.assert(
    fc.property(hostile, (text) => {
      const texts = Object.fromEntries(Object.keys(plainTexts).map((key) => [key, text]));
      everyPage(pages, visit, { ...plainTexts, ...texts }).forEach(([name, answer], index) => {
        if (structure(String(answer.body)) !== plain[index]) throw new Error(`${name} changed`);
      });
    }),
    { numRuns: 150 },
  );
  t.pass();
});

test('no query or host of a visit changes the structure of a page', (t) => {
  const pages = pagesFor();
  const plain = structure(String(pages.notFound(pages.visit(factsOf({ url: `${visitUrl}?a=b` }))).body));
  fc.assert(
    fc.property(hostile, (text) => {
      const visit = pages.visit(factsOf({ url: `${visitUrl}?${text.replace(/[\r\n\u2028\u2029]/g, '')}` }));
      return structure(String(pages.notFound({ ...visit, host: text }).body)) === plain;
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('escapes what makes structure in text and in quoted attributes', (t) => {
  t.is(escapeHtml(`<a href="x" title='y'>&\``), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&#96;');
  t.is(html`<p title="${'"'}">${'<b>'}${raw('<i>')}</p>`.text, '<p title="&quot;">&lt;b&gt;<i></p>');
});

test('writes nothing for nothing, and lists one after the other', (t) => {
  t.is(html`${null}${undefined}${false}${0}${['a', html`<b>x</b>`, ['&']]}`.text, '0a<b>x</b>&amp;');
});

test('an object that only looks like HTML is not taken as HTML', (t) => {
  const forged = JSON.parse('{"text":"<script>"}') as string;
  t.throws(() => html`${forged}`);
});

test('puts the replacement character for controls and lone surrogates', (t) => {
  t.is(escapeHtml('a\0b\x1bc\x7fd\x85e\ud800f'), 'a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf');
  t.is(escapeHtml('a\tb\nc'), 'a\tb\nc');
});

test('an address leads to http, https or a path of this host, and nowhere else', (t) => {
  for (const good of ['/', '/a/b?x=1#y', 'https://app.test/a', 'http://[::1]:8080/', 'https://app.test'])
    t.is(href(good), good);
  for (const bad of [
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    ' javascript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,x',
    '//evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/\t/evil.test',
    'https://app.test@evil.test/',
    'https:evil.test',
    'https:///evil.test',
    'x',
    '',
  ])
    t.is(href(bad), '/', bad);
});
