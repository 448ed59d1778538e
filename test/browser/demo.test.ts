import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createDemoApp } from '../../src/demo/app.ts';
import { hasChromium, launchChromium } from '../support/chromium.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const story = hasChromium ? test : test.skip;

story('the demo app shows its guest, and its socket, stream, form and upload work in a browser', async (t) => {
  const server = createDemoApp();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = await launchChromium();
  t.teardown(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({
      colorScheme,
      viewport: { width: colorScheme === 'light' ? 1280 : 320, height: 800 },
      extraHTTPHeaders: { 'Remote-User': 'alice', 'Remote-Name': 'Alice', Cookie: 'theme=dark' },
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/deep?x=1`);
    t.is(await page.getByRole('heading', { level: 1 }).innerText(), 'Hello, Alice');
    await page.locator('#socket-state[data-state=open]').waitFor();
    await page.fill('#socket-text', 'hello there');
    await page.press('#socket-text', 'Enter');
    await page.locator('#socket-echo', { hasText: 'hello there' }).waitFor();
    await page.locator('#events', { hasText: ':' }).waitFor();
    await page.setInputFiles('#file', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('abc') });
    await page.click('#upload-form button');
    await page.locator('#upload', { hasText: '3 bytes, SHA-256 ba7816bf' }).waitFor();
    await page.evaluate(axeSource);
    t.deepEqual(await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))'), []);
    t.true(
      (await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 0,
    );
    await page.fill('#words', '<b>');
    await page.click('form[action="/form"] button');
    t.is(await page.locator('#posted').innerText(), '<b>');
    await page.close();
  }
});
