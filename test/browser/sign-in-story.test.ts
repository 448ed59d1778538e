import test from 'ava';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { createProfile, hasChromium, launchChromium } from '../support/chromium.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { freePort } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import type { StoryApp } from '../support/story-app.ts';

// What a person sees who signs in, told in Chromium.
const story = hasChromium ? test : test.skip;

const password = 'correct horse battery staple';
let app: StoryApp;
let gateway: TestGateway;
let base: string;
let browser: Browser;
let usersText: string;

/** A gateway whose sign-in pages have a real address. */
async function startAtOwnAddress(config: Record<string, unknown>, now?: () => number): Promise<[TestGateway, string]> {
  const port = await freePort();
  const started = await startTestGateway({
    config: {
      server: { listen: `127.0.0.1:${port}`, publicUrl: `http://localhost:${port}` },
      routes: [{ id: 'app', title: 'Story app', path: '/', upstream: app.origin }],
      ...config,
    },
    users: usersText,
    ...(now !== undefined && { now }),
  });
  return [started, `http://localhost:${port}`];
}

test.before(async () => {
  if (!hasChromium) return;
  app = await startStoryApp();
  usersText = JSON.stringify({
    users: {
      alice: { name: 'Alice Archer', email: 'alice@example.test', password: await hashOf(password) },
      bob: { password: await hashOf(password) },
    },
  });
  [gateway, base] = await startAtOwnAddress({});
  browser = await launchChromium();
});

test.after.always(async () => {
  await browser?.close();
  await gateway?.stop();
  await app?.stop();
});

interface Told {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Complaints of the browser: errors of scripts, breaches of the content security policy. */
  readonly complaints: string[];
  /** Hosts that pages asked. */
  readonly hosts: Set<string>;
}

async function open(end: (teardown: () => Promise<void>) => void, options: BrowserContextOptions = {}): Promise<Told> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  end(() => context.close());
  const complaints: string[] = [];
  const hosts = new Set<string>();
  context.on('console', (message) => {
    // A 401 or 404 page is told of as a failed resource by the browser itself.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('request', (request) => hosts.add(new URL(request.url()).host));
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  return { context, page, complaints, hosts };
}

async function fillIn(page: Page, user: string, secret: string, remember = false): Promise<void> {
  await page.fill('input[name=username]', user);
  await page.fill('input[name=password]', secret);
  if (remember) await page.check('input[name=remember]');
  await Promise.all([page.waitForEvent('load'), page.click('form[method=post] button[type=submit]')]);
}

const isSignInPage = (page: Page): boolean => new URL(page.url()).pathname === '/_auth/sign-in';

const deepLink = '/private/x?a=b&c=d%2Fe+f#frag';

story('leads a deep link over a wrong and a right password back to the very address, fragment and all', async (t) => {
  const { page, complaints, hosts } = await open((end) => t.teardown(end));
  await page.goto(base + deepLink);
  t.true(isSignInPage(page));
  t.is(await page.locator('input[name=password]').getAttribute('type'), 'password');
  await fillIn(page, 'alice', 'not the password');
  t.true(isSignInPage(page));
  t.true(await page.locator('[role=alert]').isVisible());
  t.is(await page.inputValue('input[name=password]'), '', 'the wrong password is not sent back');
  await fillIn(page, 'alice', password);
  t.is(page.url(), base + deepLink);
  t.is(await page.textContent('#user'), 'alice');
  t.is(await page.textContent('#url'), '/private/x?a=b&c=d%2Fe+f');
  t.is(await page.textContent('#cookies'), '', 'our cookie is not for the app');
  t.deepEqual(complaints, []);
  t.deepEqual([...hosts], [new URL(base).host], 'nothing is loaded from elsewhere');
});

story('works without JavaScript', async (t) => {
  const { page } = await open((end) => t.teardown(end), { javaScriptEnabled: false });
  await page.goto(base + deepLink);
  t.true(isSignInPage(page));
  await fillIn(page, 'alice', 'not the password');
  t.true(await page.locator('[role=alert]').isVisible());
  await fillIn(page, 'alice', password);
  t.is(page.url().replace(/#.*/, ''), base + deepLink.replace(/#.*/, ''));
  t.is(await page.textContent('#user'), 'alice');
  await page.click('#out');
  await page.goto(`${base}/private/x`);
  t.true(isSignInPage(page));
});

story('works with the keyboard alone', async (t) => {
  const { page } = await open((end) => t.teardown(end));
  await page.goto(`${base}/private/keys`);
  const isFocused = async (name: string) =>
    (await page.evaluate<string | undefined>('document.activeElement.name')) === name;
  for (let count = 0; count < 8 && !(await isFocused('username')); count += 1) await page.keyboard.press('Tab');
  await page.keyboard.type('alice');
  await page.keyboard.press('Tab');
  for (let count = 0; count < 4 && !(await isFocused('password')); count += 1) await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/private/keys');
  t.is(await page.textContent('#user'), 'alice');
});

story('lets two tabs sign in side by side, each back to its own place', async (t) => {
  const { context, page: first } = await open((end) => t.teardown(end));
  const second = await context.newPage();
  await first.goto(`${base}/private/one#1`);
  await second.goto(`${base}/private/two#2`);
  await fillIn(first, 'alice', password);
  t.is(first.url(), `${base}/private/one#1`);
  await fillIn(second, 'alice', password);
  t.is(second.url(), `${base}/private/two#2`);
  t.is(await second.textContent('#user'), 'alice');
  await first.reload();
  t.is(await first.textContent('#user'), 'alice');
});

story('ends a tab with the sign-out in another, and the WebSocket in it', async (t) => {
  const { context, page: first } = await open((end) => t.teardown(end));
  await first.goto(`${base}/live`);
  await fillIn(first, 'alice', password);
  await first.waitForFunction('document.getElementById("state").textContent === "open"');
  const second = await context.newPage();
  await second.goto(`${base}/private/x`);
  t.is(await second.textContent('#user'), 'alice');
  await Promise.all([second.waitForEvent('load'), second.click('#out')]);
  await first.waitForFunction('document.getElementById("state").textContent === "closed"', null, { timeout: 10_000 });
  await first.goto(`${base}/private/after`);
  t.true(isSignInPage(first));
});

story('leads back to sign-in when the session runs out in mid-use, and then to the same place', async (t) => {
  let ahead = 0;
  const [short, at] = await startAtOwnAddress({ session: { idleTimeout: '10m' } }, () => Date.now() + ahead);
  t.teardown(short.stop);
  const { page } = await open((end) => t.teardown(end));
  await page.goto(`${at}/private/work?item=7#line-3`);
  await fillIn(page, 'alice', password);
  t.is(await page.textContent('#user'), 'alice');
  ahead += 11 * 60_000;
  await page.goto(`${at}/private/work?item=8#line-4`);
  t.true(isSignInPage(page));
  await fillIn(page, 'alice', password);
  t.is(page.url(), `${at}/private/work?item=8#line-4`);
});

story('shows nothing of the app when going back after signing out', async (t) => {
  const { page } = await open((end) => t.teardown(end));
  await page.goto(`${base}/private/secret`);
  await fillIn(page, 'alice', password);
  t.is(await page.textContent('h1'), 'Secret page');
  await Promise.all([page.waitForEvent('load'), page.click('#out')]);
  t.notRegex(await page.content(), /Secret page/);
  await page.goBack();
  t.notRegex(await page.content(), /Secret page/);
  await page.goBack().catch(() => null);
  t.notRegex(await page.content(), /Secret page/);
  t.is((await page.context().cookies()).filter(({ name }) => name === 'sallyport').length, 0);
});

story('remembers over a restart of the browser who asked for it, and nobody else', async (t) => {
  t.timeout(100_000);
  for (const remember of [true, false]) {
    const profile = await createProfile();
    t.teardown(profile.remove);
    const monday = await profile.open();
    const page = await monday.newPage();
    await page.goto(`${base}/private/x`);
    await fillIn(page, 'alice', password, remember);
    t.is(await page.textContent('#user'), 'alice');
    await monday.close();
    const tuesday = await profile.open();
    const again = await tuesday.newPage();
    await again.goto(`${base}/private/x`);
    t.is(isSignInPage(again), !remember);
    await tuesday.close();
  }
});

story('switches the user: the app sees the second from then on', async (t) => {
  const { page } = await open((end) => t.teardown(end));
  await page.goto(`${base}/private/x`);
  await fillIn(page, 'alice', password);
  await page.goto(`${base}/_auth/sign-in?return_to=%2Fprivate%2Fx`);
  t.true(isSignInPage(page), 'who asks for the sign-in page gets it');
  await fillIn(page, 'bob', password);
  t.is(await page.textContent('#user'), 'bob');
});

story('speaks German to who prefers it, and says so to screen readers', async (t) => {
  const { page } = await open((end) => t.teardown(end), { locale: 'de-DE' });
  await page.goto(`${base}/private/x`);
  t.is(await page.locator('html').getAttribute('lang'), 'de');
  t.regex(await page.content(), /Anmelden/);
  await fillIn(page, 'alice', 'falsch');
  t.is(await page.locator('html').getAttribute('lang'), 'de');
  await fillIn(page, 'alice', password);
  await page.goto(`${base}/_auth/nichts-da`);
  t.is(await page.locator('html').getAttribute('lang'), 'de');
});

story('has no fault that axe knows of, on every page of the story, light and dark, narrow and wide', async (t) => {
  t.timeout(100_000);
  for (const [colorScheme, width] of [
    ['light', 1_280],
    ['dark', 320],
  ] as const) {
    const { page } = await open((end) => t.teardown(end), { colorScheme, viewport: { width, height: 800 } });
    const assess = async (what: string) => {
      await page.evaluate(axe.source);
      const faults = await page.evaluate<string[]>(
        'axe.run(document).then((result) => result.violations.map((one) => `${one.id}: ${one.nodes[0].html}`))',
      );
      t.deepEqual(faults, [], `${what}, ${colorScheme}, ${width}`);
      const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
      t.true(overflow <= 0, `${what} is wider than ${width} px`);
    };
    await page.goto(`${base}/private/x`);
    await assess('sign-in');
    await fillIn(page, 'alice', 'wrong');
    await assess('wrong password');
    await fillIn(page, 'alice', password);
    await page.goto(`${base}/_auth/nothing-here`);
    await assess('not found');
    await page.goto(`${base}/_auth/sign-out`);
    await assess('signing out');
  }
});

/** Follows a link to our sign-out that stands on a page of another site. */
async function followForeignLink(page: Page): Promise<void> {
  // 127.0.0.1 is another site than localhost.
  await page.goto(`${app.origin}/`);
  await page.evaluate(
    `document.body.insertAdjacentHTML('beforeend', '<a id="far" href="${base}/_auth/sign-out">out</a>')`,
  );
  await Promise.all([page.waitForEvent('load'), page.click('#far')]);
}

story('asks first when another site sends a person to the sign-out', async (t) => {
  const { page } = await open((end) => t.teardown(end));
  await page.goto(`${base}/private/x`);
  await fillIn(page, 'alice', password);
  await page.goto(`${app.origin}/`);
  await page.evaluate(
    `new Promise((done) => { const image = new Image(); image.onerror = image.onload = done; image.src = '${base}/_auth/sign-out'; })`,
  );
  await page.goto(`${base}/private/x`);
  t.is(await page.textContent('#user'), 'alice', 'an image signs nobody out');
  await followForeignLink(page);
  t.true(await page.locator('form[method=post] button[type=submit]').first().isVisible());
  await page.goto(`${base}/private/x`);
  t.is(await page.textContent('#user'), 'alice', 'nor does a link, by itself');
  await followForeignLink(page);
  await Promise.all([page.waitForEvent('load'), page.locator('form[method=post] button[type=submit]').first().click()]);
  await page.goto(`${base}/private/x`);
  t.true(isSignInPage(page), 'who says yes is signed out');
});
