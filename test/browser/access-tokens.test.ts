import test from 'ava';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { freePort } from '../support/programs.ts';
import { startStoryApp, type StoryApp } from '../support/story-app.ts';
import { sendTo } from '../support/visitor.ts';

// A person makes a token for a program, uses it, and takes it away, told in Chromium.
const story = hasChromium ? test : test.skip;

const password = 'correct horse battery staple';
let app: StoryApp;
let gateway: TestGateway;
let base: string;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  app = await startStoryApp();
  const port = await freePort();
  gateway = await startTestGateway({
    config: {
      server: { listen: `127.0.0.1:${port}`, publicUrl: `http://localhost:${port}` },
      routes: [
        { id: 'app', title: 'Story app', path: '/', upstream: app.origin },
        { id: 'other', title: 'Other app', path: '/other', upstream: app.origin },
      ],
    },
    users: JSON.stringify({ users: { alice: { name: 'Alice Archer', password: await hashOf(password) } } }),
  });
  base = `http://localhost:${port}`;
  browser = await launchChromium();
});

test.after.always(async () => {
  await browser?.close();
  await gateway?.stop();
  await app?.stop();
});

for (const javaScriptEnabled of [true, false])
  story(`makes a token, uses it and revokes it, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async (t) => {
    const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled });
    t.teardown(() => context.close());
    const complaints: string[] = [];
    context.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        complaints.push(message.text());
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(`${base}/_auth/`);
    await page.fill('input[name=username]', 'alice');
    await page.fill('input[name=password]', password);
    await page.click('button[type=submit]');
    await page.click('text=Access tokens');
    t.is(new URL(page.url()).pathname, '/_auth/account/tokens');
    const name = `laptop ${String(javaScriptEnabled)}`;
    await page.fill('#name', name);
    await page.selectOption('#lifetime', { label: '7 days' });
    await page.check('input[name=scope][value=some]');
    await page.click('button:has-text("Make the token")');
    t.true(await page.locator('[role=alert]').isVisible(), 'no app was chosen');
    t.is(await page.inputValue('#name'), name);
    await page.check('input[name=scope][value=some]');
    await page.check('text=Other app');
    await page.click('button:has-text("Make the token")');
    const text = (await page.textContent('.secret-text')) ?? '';
    t.regex(text, /^slp_[0-9A-Za-z]{49}$/);
    if (javaScriptEnabled) {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate<{ violations: { id: string }[] }>('axe.run(document)');
      t.deepEqual(
        violations.map(({ id }) => id),
        [],
      );
    }
    const use = async (path: string) =>
      (await sendTo(gateway.port, path, { headers: { authorization: `Bearer ${text}` } })).status;
    t.deepEqual([await use('/other/x'), await use('/x')], [200, 403]);
    await page.goto(`${base}/_auth/account/tokens`);
    t.is(await page.locator('.secret-text').count(), 0, 'shown once');
    const row = page.locator('.tokens li', { hasText: name });
    t.regex((await row.textContent()) ?? '', /Only Other app.*last used .* from 127\.0\.0\.1/s);
    await row.locator('button').click();
    await page.waitForLoadState();
    t.is(await page.locator('.tokens li', { hasText: name }).count(), 0);
    t.is(await use('/other/x'), 401);
    t.deepEqual(complaints, []);
  });
