import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { loadConfig } from '../../src/config/load.ts';

// What the pages say must stay true: links lead somewhere, examples load.
const root = fileURLToPath(new URL('../../', import.meta.url));

async function pagesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const below = entries.map(async (entry): Promise<readonly string[]> => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|\..*|var|dist)$/.test(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
  return (await Promise.all(below)).flat();
}

const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const withoutCode = (text: string): string => text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** Anchors as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = read(page)
    .replace(/^```[^]*?^```/gm, '')
    .matchAll(/^#+ +(.+)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function problemOf(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return `${page}: ${link} leads nowhere`;
  if (anchor === undefined || !target.endsWith('.md')) return null;
  return anchorsOf(target).has(anchor) ? null : `${page}: ${link} has no such heading`;
}

test('every relative link of every page leads to a file, and to a heading where it names one', async (t) => {
  let links = 0;
  for (const page of await pagesBelow('.')) {
    for (const [, link = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/i.test(link)) continue;
      links += 1;
      t.is(problemOf(page, link), null);
    }
  }
  t.true(links > 30);
});

test('a link that leads nowhere is found', (t) => {
  t.truthy(problemOf('README.md', 'docs/no-such-page.md'));
  t.truthy(problemOf('README.md', 'docs/configuration.md#no-such-heading'));
  t.is(problemOf('README.md', 'docs/configuration.md#server'), null);
});

test('every example with routes outside of docs/ loads', async (t) => {
  // Those in docs/ are tried beside the tests of the generated page.
  const pages = (await pagesBelow('.')).filter((page) => !page.startsWith('docs'));
  const examples = pages.flatMap((page) =>
    [...read(page).matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text = '']) => ({ page, text })),
  );
  t.true(examples.length > 0);
  for (const { page, text } of examples.filter((example) => example.text.includes('routes:'))) {
    const result = loadConfig({ file: '/etc/sallyport/sallyport.yaml', env: {}, text });
    t.deepEqual(result.kind === 'ok' ? [] : result.faults, [], page);
  }
});

test('every decision stands in the index', async (t) => {
  const index = read('docs/decisions/README.md');
  for (const page of await readdir(join(root, 'docs/decisions')))
    if (page !== 'README.md') t.true(index.includes(`(${page})`), page);
});

test('every event of the log that pages name is written somewhere, and audit events stand in the operations page', async (t) => {
  const operations = read('docs/operations.md');
  const sources = await readdir(join(root, 'src'), { recursive: true });
  const code = sources
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
    .join('\n');
  const groups =
    'request|upstream|store|connection|session|sign-in|access|access-token|bearer|config|users|gateway|worker|admin|identity-\\w+';
  const named = [...operations.matchAll(new RegExp(`\`((?:${groups})\\.[a-z-]+)\``, 'g'))].map(([, name = '']) => name);
  const settings = /^(store|session)\.(url|secret)$|^users\.yaml$|^admin\.listen$/;
  t.true(named.length > 30);
  for (const name of named) if (!settings.test(name)) t.true(code.includes(`'${name}'`), name);
  const [, audit = ''] = /export type AuditEvent =([^;]+);/.exec(code) ?? [];
  for (const [, event = ''] of audit.matchAll(/'([^']+)'/g)) t.true(operations.includes(`\`${event}\``), event);
});
