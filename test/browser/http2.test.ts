import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createDemoApp } from '../../src/demo/app.ts';
import { startTls } from '../integration/front/support.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { passwordOf, usersFile } from '../support/users.ts';

const story = hasChromium && hasOpenssl ? test : test.skip;

story('a browser signs in and opens a WebSocket, an event stream and an upload on one HTTP/2 connection', async (t) => {
  const app = createDemoApp();
  app.listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.teardown(() => {
    app.closeAllConnections();
    app.close();
  });
  const upstream = `http://127.0.0.1:${String((app.address() as AddressInfo).port)}`;
  const { gateway } = await startTls(t, {
    users: usersFile(),
    routes: () => [{ upstream, access: 'signed-in' }],
  });
  const protocols: unknown[] = [];
  const channel = 'http2.server.stream.created';
  const note = (message: unknown): void => {
    const { headers } = message as { readonly headers: Readonly<Record<string, unknown>> };
    protocols.push(headers[':protocol']);
  };
  subscribe(channel, note);
  t.teardown(() => void unsubscribe(channel, note));
  const browser = await launchChromium(`MAP app.test:443 127.0.0.1:${String(gateway.port)}`);
  t.teardown(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();

  await page.goto('https://app.test/deep?x=1');
  await page.fill('input[name=username]', 'alice');
  await page.fill('input[name=password]', passwordOf('alice'));
  await page.click('form[method=post] button[type=submit]');
  await page.locator('#socket-state[data-state=open]').waitFor();
  t.is(page.url(), 'https://app.test/deep?x=1');
  t.is(await page.getByRole('heading', { level: 1 }).innerText(), 'Hello, Alice Archer');
  await page.fill('#socket-text', 'hello there');
  await page.press('#socket-text', 'Enter');
  await page.locator('#socket-echo', { hasText: 'hello there' }).waitFor();
  await page.locator('#events', { hasText: ':' }).waitFor();
  await page.setInputFiles('#file', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('abc') });
  await page.click('#upload-form button');
  await page.locator('#upload', { hasText: '3 bytes, SHA-256 ba7816bf' }).waitFor();
  const loaded = await page.evaluate<string>("performance.getEntriesByType('navigation')[0].nextHopProtocol");
  t.is(loaded, 'h2');
  t.true(protocols.includes('websocket'), 'the WebSocket is a stream too');

  // Signing out elsewhere ends the open socket.
  const other = await context.newPage();
  await other.goto('https://app.test/_auth/sign-out');
  await page.locator('#socket-state[data-state=closed]').waitFor();
});
