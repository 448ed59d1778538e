import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createDemoApp } from '../../src/demo/app.ts';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { startTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { freePort } from '../support/programs.ts';

// The demo app that `npm start` brings, behind the gateway, as a newcomer tries it.
const story = hasChromium ? test : test.skip;

const password = 'correct horse battery staple';

story('shows who is signed in, and everything that a web app does works through the gateway', async (t) => {
  t.timeout(100_000);
  const demo = createDemoApp();
  await new Promise<void>((resolve) => demo.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    demo.closeAllConnections();
    await new Promise((resolve) => demo.close(resolve));
  });
  const port = await freePort();
  const base = `http://localhost:${port}`;
  const gateway = await startTestGateway({
    config: {
      server: { listen: `127.0.0.1:${port}`, publicUrl: base },
      routes: [{ id: 'demo', title: 'Demo', upstream: `http://127.0.0.1:${(demo.address() as AddressInfo).port}` }],
    },
    users: JSON.stringify({
      users: {
        zoe: { name: 'Zoë 田中', email: 'zoe@example.test', groups: ['cooks'], password: await hashOf(password) },
      },
    }),
  });
  t.teardown(gateway.stop);
  const browser = await launchChromium();
  t.teardown(() => browser.close());
  const context = await browser.newContext({ locale: 'en-GB' });
  const complaints: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(error.error().message));
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);

  await page.goto(`${base}/?from=bookmark`);
  t.is(new URL(page.url()).pathname, '/_auth/sign-in');
  t.regex(await page.content(), /Demo/, 'the sign-in page names the app');
  await page.fill('input[name=username]', 'zoe');
  await page.fill('input[name=password]', password);
  await Promise.all([page.waitForURL(`${base}/?from=bookmark`), page.keyboard.press('Enter')]);
  t.is(await page.textContent('h1'), 'Hello, Zoë 田中');
  const rows = await page.locator('tr.identity').allTextContents();
  t.deepEqual(rows.map((row) => row.toLowerCase()).sort(), [
    'remote-emailzoe@example.test',
    'remote-groupscooks',
    'remote-namezoë 田中',
    'remote-userzoe',
  ]);
  t.notRegex(await page.content(), /sallyport=|[A-Za-z0-9_-]{43}/, 'no token of ours arrived');

  await page.locator('#socket-state[data-state=open]').waitFor();
  await page.fill('#socket-text', 'hello over there');
  await page.click('#socket-form button');
  await page.locator('#socket-echo', { hasText: 'hello over there' }).waitFor();
  await page.locator('#events', { hasText: /^\d\d:\d\d:\d\d$/ }).waitFor();

  const file = randomBytes(3 * 1024 * 1024);
  await page.setInputFiles('#file', { name: 'three.bin', mimeType: 'application/octet-stream', buffer: file });
  await page.click('#upload-form button');
  const hash = createHash('sha256').update(file).digest('hex');
  await page.locator('#upload', { hasText: `${file.length} bytes, SHA-256 ${hash}` }).waitFor();

  const other = await context.newPage();
  await other.goto(base);
  await other.fill('#words', 'ümläuts & <tags>');
  await Promise.all([other.waitForURL('**/form'), other.keyboard.press('Enter')]);
  t.is(await other.textContent('#posted'), 'ümläuts & <tags>');

  await Promise.all([other.waitForEvent('load'), other.click('text=Sign out')]);
  await page.locator('#socket-state[data-state=closed]').waitFor({ timeout: 10_000 });
  await page.locator('#events', { hasText: 'the stream has ended' }).waitFor({ timeout: 10_000 });
  await page.reload();
  t.is(new URL(page.url()).pathname, '/_auth/sign-in');
  t.deepEqual(
    complaints.filter((text) => !/EventSource|WebSocket/.test(text)),
    [],
  );
});
