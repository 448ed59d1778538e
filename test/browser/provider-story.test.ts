import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import type { Browser, Page } from 'playwright-core';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startTestProvider, type TestProvider } from '../support/openid-provider.ts';
import { hashOf } from '../support/passwords.ts';
import { freePort } from '../support/programs.ts';
import { startStoryApp, type StoryApp } from '../support/story-app.ts';

// Two providers and the local form on one page, told in Chromium.
const story = hasChromium ? test : test.skip;
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const password = 'correct horse battery staple';
const deepLink = '/private/x?a=b&c=d%2Fe+f#frag';

let app: StoryApp;
let one: TestProvider;
let two: TestProvider;
let gateway: TestGateway;
let base: string;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  const port = await freePort();
  base = `http://localhost:${String(port)}`;
  app = await startStoryApp();
  one = await startTestProvider({ publicUrl: base, id: 'one' });
  two = await startTestProvider({ publicUrl: base, id: 'two' });
  for (const [provider, user] of [
    [one, 'Una'],
    [two, 'Duo'],
  ] as const) {
    provider.accounts.set(user, { sub: user, preferred_username: user });
    provider.signsIn = user;
    provider.gatewayPort = port;
  }
  const oidc = [
    { id: 'one', name: 'Provider One', issuer: one.issuer },
    { id: 'two', name: 'Provider Two', issuer: two.issuer },
  ].map((entry) => ({ ...entry, clientId: 'gateway', clientSecret: 'a-secret-between-the-two-of-us' }));
  gateway = await startTestGateway({
    config: {
      server: { listen: `127.0.0.1:${String(port)}`, publicUrl: base },
      signIn: { local: {}, oidc },
      routes: [{ id: 'app', title: 'Story app', path: '/', upstream: app.origin }],
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  browser = await launchChromium();
});

test.after.always(async () => {
  await browser?.close();
  await Promise.all([gateway, one, two, app].map((part) => part?.stop()));
});

async function open(end: (teardown: () => Promise<void>) => void, javaScriptEnabled = true): Promise<[Page, string[]]> {
  const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled });
  end(() => context.close());
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  return [page, complaints];
}

story('each way in leads back to the very address, fragment and all, and one replaces the other', async (t) => {
  const [page, complaints] = await open((end) => t.teardown(end));
  await page.goto(base + deepLink);
  t.is(await page.locator('a[data-provider]').count(), 2);
  await page.evaluate(axeSource);
  t.deepEqual(await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))'), []);
  await page.click('text=Sign in with Provider One');
  await page.waitForURL(base + deepLink);
  t.is(await page.textContent('#user'), 'una');
  t.is(await page.textContent('#cookies'), '', 'nothing of ours is for the app');
  await page.goto(`${base}/_auth/sign-in?return_to=%2Fprivate%2Fy`);
  await page.click('text=Sign in with Provider Two');
  await page.waitForURL(`${base}/private/y`);
  t.is(await page.textContent('#user'), 'duo');
  await page.goto(`${base}/_auth/sign-in?return_to=%2Fprivate%2Fz`);
  await page.fill('input[name=username]', 'alice');
  await page.fill('input[name=password]', password);
  await page.click('form[method=post] button[type=submit]');
  await page.waitForURL(`${base}/private/z`);
  t.is(await page.textContent('#user'), 'alice');
  t.deepEqual(complaints, []);
});

story('works without JavaScript, to the provider and out again by the form', async (t) => {
  const [page] = await open((end) => t.teardown(end), false);
  await page.goto(`${base}/private/x`);
  await page.click('text=Sign in with Provider One');
  t.is(await page.textContent('#user'), 'una');
  await page.goto(`${base}/_auth/`);
  await page.click('form[action$="/sign-out"] button');
  // Our own page leads on to the provider, which asks.
  await page.waitForURL(`${one.issuer}/session/end**`);
});

story('signing out at the provider leads back, and the next visit is asked first', async (t) => {
  const [page, complaints] = await open((end) => t.teardown(end));
  await page.goto(`${base}/private/x`);
  await page.click('text=Sign in with Provider One');
  await page.waitForSelector('#out');
  await page.goto(`${base}/_auth/`);
  await page.click('form[action$="/sign-out"] button');
  await page.waitForURL(`${one.issuer}/session/end**`);
  await page.evaluate(
    "(() => { const form = document.querySelector('form'); const yes = document.createElement('input'); yes.name = 'logout'; yes.value = 'yes'; form.append(yes); form.submit(); })()",
  );
  await page.waitForURL(`${base}/_auth/signed-out**`);
  t.regex((await page.textContent('h1')) ?? '', /signed out/i);
  await page.goto(`${base}/private/x`);
  t.is(new URL(page.url()).pathname, '/_auth/sign-in');
  t.deepEqual(complaints, []);
});

story('one sign-in by the form opens apps on hosts of their own, and one sign-out closes them', async (t) => {
  const port = await freePort();
  const own = await launchChromium('MAP *.test 127.0.0.1');
  t.teardown(() => own.close());
  const auth = `http://auth.test:${String(port)}`;
  const [wiki, chat] = ['wiki', 'chat'].map((name) => `http://${name}.test:${String(port)}`);
  const upstream = app.origin;
  const handing = await startTestGateway({
    config: {
      server: { listen: `127.0.0.1:${String(port)}`, publicUrl: auth },
      signIn: { local: {}, oidc: [{ id: 'one', issuer: one.issuer, clientId: 'x' }] },
      routes: ['wiki', 'chat'].map((id) => ({ id, host: `${id}.test`, upstream })),
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  t.teardown(handing.stop);
  const context = await own.newContext({ locale: 'en-GB' });
  t.teardown(() => context.close());
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|Cross-Origin-Opener-Policy/.test(message.text()))
      complaints.push(message.text());
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${wiki ?? ''}/private/x?a=b`);
  t.is(new URL(page.url()).host, new URL(auth).host);
  await page.fill('input[name=username]', 'alice');
  await page.fill('input[name=password]', password);
  await page.click('form[method=post] button[type=submit]');
  await page.waitForURL(`${wiki ?? ''}/private/x?a=b`);
  t.is(await page.textContent('#user'), 'alice');
  t.is(await page.textContent('#cookies'), '');
  await page.goto(`${chat ?? ''}/private/y`);
  t.is(page.url(), `${chat ?? ''}/private/y`, 'nobody was asked again');
  t.is(await page.textContent('#user'), 'alice');
  await Promise.all([page.waitForEvent('load'), page.click('#out')]);
  t.regex((await page.textContent('h1')) ?? '', /signed out/i);
  await page.goto(`${wiki ?? ''}/private/x`);
  t.is(new URL(page.url()).host, new URL(auth).host, 'the other host asks for a sign-in');
  t.deepEqual(complaints, []);
});
