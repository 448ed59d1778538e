import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readPageFiles } from '../../../src/response/pages/assets.ts';
import { factsOf, headerOf, pagesFor } from './support.ts';

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-theme-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const facts = factsOf({ url: 'https://auth.example.com/_auth/' });

test('everything that a page loads is served, and may be kept for ever', (t) => {
  const pages = pagesFor();
  const view = { user: 'a', name: '', email: '', apps: [], offersTokens: true, formToken: 'x' };
  const body = String(pages.home(pages.visit(facts), view).body);
  const paths = [...body.matchAll(/(?:src|href)="(\/_auth\/assets\/[^"]*)"/g)].map(([, path]) => path!);
  t.is(paths.length, 3);
  for (const path of paths) {
    const answer = pages.asset(path);
    t.is(answer?.status, 200);
    t.is(headerOf(answer!, 'cache-control'), 'public, max-age=31536000, immutable');
    t.is(headerOf(answer!, 'x-content-type-options'), 'nosniff');
    t.regex(headerOf(answer!, 'content-type') ?? '', /charset=utf-8$/);
    t.true(answer!.body.length > 0);
  }
  t.deepEqual([...pages.assets().keys()].sort(), [...paths].sort());
});

test('no other path is an asset', (t) => {
  const pages = pagesFor();
  for (const path of ['/_auth/assets/', '/_auth/assets/style.css', '/_auth/assets/../assets/x', '__proto__', ''])
    t.is(pages.asset(path), null);
});

test('the address changes with the content', (t) => {
  const addresses = (theme: Record<string, unknown>) => [...pagesFor({ theme }).assets().keys()];
  t.deepEqual(addresses({}), addresses({}));
  t.notDeepEqual(addresses({}), addresses({ accent: '#7a3fd1' }));
});

test("the operator's logo and stylesheet are served and loaded, the stylesheet after ours", (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'logo.SVG'), '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  writeFileSync(join(folder, 'own.css'), 'h1 { color: teal }');
  const pages = pagesFor({
    theme: { logo: join(folder, 'logo.SVG'), css: join(folder, 'own.css'), title: 'Acme & Co', footer: '<b>help</b>' },
  });
  const body = String(pages.notFound(pages.visit(facts)).body);
  const styles = [...body.matchAll(/<link rel="stylesheet" href="([^"]*)"/g)].map(([, path]) => path!);
  t.is(styles.length, 2);
  t.is(String(pages.asset(styles[1]!)?.body), 'h1 { color: teal }');
  const logo = /<img class="logo" src="([^"]*)" alt="Acme &amp; Co"/.exec(body)![1]!;
  const answer = pages.asset(logo)!;
  t.is(headerOf(answer, 'content-type'), 'image/svg+xml');
  // opened by itself, a script in it must not run
  t.regex(headerOf(answer, 'content-security-policy') ?? '', /^default-src 'none';.*sandbox$/);
  t.regex(body, /<title>Nothing here · Acme &amp; Co<\/title>/);
  t.regex(body, /&lt;b&gt;help&lt;\/b&gt;/);
});

test('a theme file that cannot be read, or is no image, is told at start', (t) => {
  const folder = folderOf(t);
  t.throws(() => readPageFiles({ logo: join(folder, 'missing.png') }), { message: /theme\.logo/ });
  t.throws(() => readPageFiles({ css: join(folder, 'missing.css') }), { message: /theme\.css/ });
  t.throws(() => readPageFiles({ logo: join(folder, 'logo.html') }), { message: /not an SVG, PNG, WebP or JPEG/ });
});
