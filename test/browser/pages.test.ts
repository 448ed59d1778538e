import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Browser, Page } from 'playwright-core';
import { writeAnswer } from '../../src/response/write.ts';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { everyPage, plainTexts, type Texts } from '../unit/response/every-page.ts';
import { factsOf, pagesFor } from '../unit/response/support.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** One page and state at its own address: `/en/sign-in`; what a form posts is remembered. */
async function serve(theme: Record<string, unknown>, texts: Texts = plainTexts) {
  const pages = pagesFor({ theme: { title: 'Acme', ...theme }, publicUrl: 'http://localhost' });
  const posts: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    const asset = pages.asset(url);
    if (asset !== null) return writeAnswer(asset, response);
    const [, language = 'en', name] = url.split('/');
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        posts.push(new URLSearchParams(body));
        // kept open for a while, as a slow hash would
        setTimeout(() => writeAnswer(pages.notFound(pages.visit(null)), response), 300);
      });
      return;
    }
    const visit = pages.visit(factsOf({ url: `https://auth.example.com/_auth/x?lang=${language}` }));
    const answer = everyPage(pages, visit, texts).find(([entry]) => entry === name)?.[1] ?? pages.notFound(visit);
    // A page that leads on by itself shall stay and be looked at.
    writeAnswer({ ...answer, headers: answer.headers.filter(([header]) => header !== 'Refresh') }, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    names: everyPage(pages, pages.visit(null)).map(([name]) => name),
    posts,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

let chromium: Promise<Browser> | undefined;
test.after.always(async () => (await chromium)?.close());

/** A site and the file's one browser. */
async function withSite(
  theme: Record<string, unknown>,
  act: (browser: Browser, site: Awaited<ReturnType<typeof serve>>) => Promise<void>,
  texts?: Texts,
) {
  const site = await serve(theme, texts);
  chromium ??= launchChromium();
  try {
    await act(await chromium, site);
  } finally {
    site.stop();
  }
}

async function violationsOf(page: Page): Promise<readonly Violation[]> {
  // through the protocol, not as a script of the page: the page's own policy stays in force
  await page.evaluate(axeSource);
  return page.evaluate(`axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',
    'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) => violations)`);
}

function tell(violations: readonly Violation[]): string {
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`).join('\n');
}

const sidewaysOverflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

const story = hasChromium ? test : test.skip;

for (const colorScheme of ['light', 'dark'] as const)
  for (const width of [320, 1280])
    story(`every page is sound for assistive technology and fits, ${colorScheme}, ${width} px`, async (t) => {
      await withSite({}, async (browser, site) => {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' });
        const blocked: string[] = [];
        page.on('console', (message) => {
          if (/Content Security Policy|Refused to/.test(message.text())) blocked.push(message.text());
        });
        // one language a scheme, so that both are seen in both widths
        const language = colorScheme === 'light' ? 'en' : 'de';
        for (const name of site.names) {
          await page.goto(`${site.origin}/${language}/${name}`);
          t.is(tell(await violationsOf(page)), '', name);
          const overflow = await page.evaluate<number>(sidewaysOverflow);
          t.true(overflow <= 0, `${name} scrolls sideways by ${overflow} px`);
        }
        t.deepEqual(blocked, []);
      });
    });

story('long names and titles stay within a narrow page', async (t) => {
  const long = 'Donaudampfschifffahrtsgesellschaftskapitän'.repeat(4);
  const texts = Object.fromEntries(Object.keys(plainTexts).map((key) => [key, long])) as unknown as Texts;
  await withSite(
    { title: long.slice(0, 80), footer: long },
    async (browser, site) => {
      const page = await browser.newPage({ viewport: { width: 320, height: 800 } });
      for (const name of site.names) {
        await page.goto(`${site.origin}/de/${name}`);
        const overflow = await page.evaluate<number>(sidewaysOverflow);
        t.true(overflow <= 0, `${name} scrolls sideways by ${overflow} px`);
      }
    },
    { ...texts, returnTo: plainTexts.returnTo, url: `https://${long}.example.com/` },
  );
});

story("the operator's logo stands in the place of the arch, and has a size", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-logo-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const logo = join(folder, 'logo.svg');
  writeFileSync(
    logo,
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 48"><rect width="200" height="48"/></svg>',
  );
  await withSite({ logo }, async (browser, site) => {
    const page = await browser.newPage();
    for (const name of ['sign-in', 'home']) {
      await page.goto(`${site.origin}/en/${name}`);
      const box = await page.getByRole('img', { name: 'Acme' }).boundingBox();
      t.true(box !== null && box.width > 100 && box.height > 30, `${name}: ${JSON.stringify(box)}`);
    }
  });
});

story('an accent of the operator keeps every page readable', async (t) => {
  await withSite({ accent: '#ffd400' }, async (browser, site) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme });
      for (const name of ['sign-in', 'home', 'denied']) {
        await page.goto(`${site.origin}/en/${name}`);
        t.is(tell(await violationsOf(page)), '', `${name} ${colorScheme}`);
      }
    }
  });
});

// where Tab starts is kept when a field loses focus, so the top has to take it for a moment
const toTop = 'document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex")';

story('the keyboard goes through the sign-in page in reading order', async (t) => {
  await withSite({}, async (browser, site) => {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/en/sign-in`);
    t.is(await page.evaluate('document.activeElement.id'), 'username', 'typing can begin at once');
    await page.evaluate(toTop);
    const order: string[] = [];
    for (let step = 0; step < 7; step += 1) {
      await page.keyboard.press('Tab');
      order.push(
        await page.evaluate<string>('((e) => e.id || e.name || e.className || e.tagName)(document.activeElement)'),
      );
    }
    t.deepEqual(order, ['skip', 'username', 'password', 'reveal', 'remember', 'button', 'quiet']);
    await page.evaluate(toTop);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    t.is(await page.evaluate('document.activeElement.id'), 'main', 'the skip link skips');
  });
});

story('the fragment of the address goes with the form, and a second press sends nothing', async (t) => {
  await withSite({}, async (browser, site) => {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/en/sign-in#part/two`);
    await page.fill('#username', 'alice');
    await page.fill('#password', 'correct horse');
    await page.check('input[name=remember]');
    await page.evaluate("(() => { const b = document.querySelector('button[type=submit]'); b.click(); b.click(); })()");
    await page.waitForURL(/_auth\/sign-in/);
    t.is(site.posts.length, 1);
    t.deepEqual(Object.fromEntries(site.posts[0]!), {
      form_token: 'Zm9ybS10b2tlbg',
      return_to: 'https://wiki.example.com/page?x=1',
      fragment: '#part/two',
      username: 'alice',
      password: 'correct horse',
      remember: 'on',
    });
  });
});

story('a password can be looked at, and goes back into hiding when it is sent', async (t) => {
  await withSite({}, async (browser, site) => {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/en/sign-in`);
    const reveal = page.getByRole('button', { name: 'Show password' });
    t.is(await reveal.getAttribute('aria-pressed'), 'false');
    await reveal.click();
    t.is(await page.getAttribute('#password', 'type'), 'text');
    t.is(await reveal.getAttribute('aria-pressed'), 'true');
    await page.evaluate(`document.querySelector('form').addEventListener('submit', (event) => {
      event.preventDefault(); document.title = document.getElementById('password').type; })`);
    await page.fill('#username', 'alice');
    await page.fill('#password', 'x');
    await page.click('button[type=submit]');
    t.is(await page.title(), 'password');
  });
});

story('an error is where the reading goes on, and its fields say that they are wrong', async (t) => {
  await withSite({}, async (browser, site) => {
    const page = await browser.newPage();
    await page.goto(`${site.origin}/en/sign-in-mismatch`);
    t.is(await page.evaluate('document.activeElement.id'), 'error');
    t.is(await page.getByRole('alert').count(), 1);
    t.is(await page.getAttribute('#password', 'aria-invalid'), 'true');
    t.is(await page.getAttribute('#password', 'aria-describedby'), 'error');
    t.is(await page.inputValue('#username'), 'alice');
    t.is(await page.inputValue('#password'), '');
    t.regex(await page.title(), /^Error: Sign in/);
  });
});

story('the sign-in page works without scripts', async (t) => {
  await withSite({}, async (browser, site) => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${site.origin}/en/sign-in`);
    t.is(await page.locator('.reveal').isVisible(), false);
    await page.locator('#username').fill('alice');
    await page.locator('#password').fill('x');
    await page.locator('#password').press('Enter');
    await page.waitForURL(/_auth\/sign-in/);
    t.is(site.posts[0]?.get('username'), 'alice');
    t.false(site.posts[0]?.has('remember'));
  });
});
