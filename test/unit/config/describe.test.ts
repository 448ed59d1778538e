import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { describeAsJsonSchema, describeAsMarkdown } from '../../../src/config/describe.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { hasOpenssl, makeAuthority, makeCertificate } from '../../support/certificates.ts';

const root = new URL('../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

test('the JSON Schema in config/ is the one that the code describes (npm run generate)', (t) => {
  t.true(read('config/sallyport.schema.json') === `${JSON.stringify(describeAsJsonSchema(), null, 2)}\n`);
});

test('the reference page in docs/ is the one that the code describes (npm run generate)', (t) => {
  t.true(read('docs/configuration.md') === describeAsMarkdown());
});

test('describes every setting', (t) => {
  for (const row of describeAsMarkdown().split('\n')) {
    if (!row.startsWith('| `')) continue;
    const [, key, type, , description] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    t.truthy(type, `${key} has no type`);
    t.truthy(description, `${key} has no description`);
  }
});

test('lets ${…} stand for any text in the JSON Schema', (t) => {
  const patterns = JSON.stringify(describeAsJsonSchema()).match(/"pattern":"(?:[^"\\]|\\.)*"/g) ?? [];
  t.true(patterns.length > 5);
  for (const entry of patterns) {
    const { pattern } = JSON.parse(`{${entry}}`) as { readonly pattern: string };
    t.regex('${NAME}', new RegExp(pattern, 'u'));
  }
});

/** Certificates for recipes; without openssl to make them their recipe is left out. */
const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
const certificates: Record<string, string> = {};
test.before(async () => {
  if (!hasOpenssl) return;
  const { cert, key } = await makeCertificate(await makeAuthority(folder), { names: ['app.test'] });
  Object.assign(certificates, { WIKI_CERT: cert, WIKI_KEY: key, FILES_CERT: cert, FILES_KEY: key });
});
test.after.always(() => rmSync(folder, { recursive: true }));

const files = readdirSync(new URL('config/', root), { recursive: true, encoding: 'utf8' });
for (const name of files.filter((file) => file.endsWith('.yaml') && !file.endsWith('users.yaml')))
  (name.endsWith('/tls.yaml') && !hasOpenssl ? test.skip : test)(`config/${name} loads`, (t) => {
    // Recipes name secrets and never have one that everybody knows as a default; what `npm start` runs needs nothing.
    const env = name.startsWith('recipes/')
      ? {
          ...certificates,
          SALLYPORT_SECRET: 'b5cd0a5b1f2e4c8d9a7b6c5d4e3f2a1b',
          PRINTER_PASSWORD: 'y',
          API_KEY: 'z',
          LDAP_PASSWORD: 'w',
          CLIENT_SECRET: 'v',
          SSO_PROOF_SECRET: 'c5cd0a5b1f2e4c8d9a7b6c5d4e3f2a1b',
        }
      : {};
    const result = loadConfig({ file: fileURLToPath(new URL(`config/${name}`, root)), env });
    t.deepEqual(result.kind === 'ok' ? [] : result.faults, []);
    // A recipe may show something that one has to be warned of.
    if (result.kind === 'ok' && !name.startsWith('recipes/')) t.deepEqual(result.warnings, []);
  });

for (const page of readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' }))
  for (const [index, [, text]] of [
    ...(page.endsWith('.md') ? read(`docs/${page}`) : '').matchAll(/^```yaml\n([^]*?)^```/gm),
  ].entries())
    if (text?.includes('routes:'))
      test(`example ${index + 1} of docs/${page} loads`, (t) => {
        const env = {
          SALLYPORT_SECRET: 'b5cd0a5b1f2e4c8d9a7b6c5d4e3f2a1b',
          SECRET: 'b5cd0a5b1f2e4c8d9a7b6c5d4e3f2a1b',
        };
        const result = loadConfig({ file: '/etc/sallyport/sallyport.yaml', env, text });
        t.deepEqual(result.kind === 'ok' ? [] : result.faults, []);
      });
