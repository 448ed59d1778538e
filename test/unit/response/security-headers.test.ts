import test from 'ava';
import { everyPage } from './every-page.ts';
import { factsOf, headerOf, headersOf, pagesFor } from './support.ts';
import { createRefuser } from '../../../src/response/refusal.ts';
import { routeOf } from './support.ts';

const facts = factsOf({ url: 'https://auth.example.com/_auth/sign-in', headers: { accept: 'text/html' } });

test('every page carries the whole set of security headers', (t) => {
  const pages = pagesFor();
  for (const [name, answer] of everyPage(pages, pages.visit(facts))) {
    const policy = headerOf(answer, 'content-security-policy') ?? '';
    for (const part of [
      "default-src 'none'",
      "style-src 'self'",
      "script-src 'self'",
      "img-src 'self' data:",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "object-src 'none'",
    ])
      t.true(policy.includes(part), `${name}: ${part}`);
    t.notRegex(policy, /unsafe|\*/, name);
    t.is(headerOf(answer, 'x-frame-options'), 'DENY', name);
    t.is(headerOf(answer, 'x-content-type-options'), 'nosniff', name);
    t.is(headerOf(answer, 'referrer-policy'), 'same-origin', name);
    t.is(headerOf(answer, 'cross-origin-opener-policy'), 'same-origin', name);
    t.is(headerOf(answer, 'cross-origin-resource-policy'), 'same-origin', name);
    t.truthy(headerOf(answer, 'permissions-policy'), name);
    t.is(headerOf(answer, 'cache-control'), 'no-store', name);
    t.is(headerOf(answer, 'content-type'), 'text/html; charset=utf-8', name);
    t.is(headerOf(answer, 'strict-transport-security'), 'max-age=31536000', name);
    t.is(headerOf(answer, 'server'), undefined);
    t.is(headerOf(answer, 'x-powered-by'), undefined);
    const names = answer.headers.map(([header]) => header.toLowerCase());
    t.is(new Set(names).size, names.length, `${name}: a header twice`);
  }
});

test('no page holds a script, a style or an address of another origin that it would load', (t) => {
  const pages = pagesFor();
  for (const [name, answer] of everyPage(pages, pages.visit(facts))) {
    const body = String(answer.body);
    t.notRegex(body, /<style|\sstyle=|\son[a-z]+=|<script(?! src="\/_auth\/assets\/)/, name);
    t.notRegex(body, /(src|<link[^>]*href)="(?!\/_auth\/assets\/)/, name);
  }
});

test('there is no Strict-Transport-Security on http', (t) => {
  const pages = pagesFor({ publicUrl: 'http://localhost:8080' });
  t.is(headerOf(pages.notFound(pages.visit(facts)), 'strict-transport-security'), undefined);
});

test('the sign-in form may lead to the origin of the way back, and only there', (t) => {
  const pages = pagesFor();
  const view = {
    app: null,
    formToken: 'x',
    password: true,
    providers: [],
    rememberForMs: 0,
    username: '',
    error: null,
    retryAfterSeconds: null,
    signedInAs: null,
  };
  const policy = (returnTo: string | null) =>
    /form-action ([^;]*)/.exec(
      headerOf(pages.signIn(pages.visit(facts), { ...view, returnTo }), 'content-security-policy')!,
    )![1];
  t.is(policy(null), "'self'");
  t.is(policy('/path'), "'self'");
  t.is(policy('https://wiki.example.com:8443/a?b'), "'self' https://wiki.example.com:8443");
  t.is(policy("https://x;script-src'unsafe-inline'/"), "'self' 'self'");
  t.is(policy('javascript:alert(1)'), "'self' 'self'");
});

test('problems and redirects carry the security headers too', (t) => {
  const refuse = createRefuser({
    pages: pagesFor(),
    authPath: '/_auth',
    publicUrl: 'https://auth.example.com',
    cookieDomain: null,
    clearCookies: [],
    accessTokens: true,
  });
  for (const headers of [{ accept: 'text/html' }, { accept: '*/*' }]) {
    const answer = refuse(
      { kind: 'challenge', route: routeOf(), rejected: null, reason: 'not-signed-in' },
      factsOf({ headers }),
    );
    t.is(headerOf(answer, 'cache-control'), 'no-store');
    t.is(headerOf(answer, 'x-content-type-options'), 'nosniff');
    t.is(headerOf(answer, 'strict-transport-security'), 'max-age=31536000');
    t.regex(headerOf(answer, 'content-security-policy') ?? '', /frame-ancestors 'none'/);
    t.is(headersOf(answer, 'access-control-allow-origin').length, 0);
  }
});
