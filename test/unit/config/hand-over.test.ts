import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/schema.ts';
import { fixedAtStart, keepFixed } from '../../../src/config/fixed.ts';

// A supervisor sends the configuration that it read to its workers.
const recipes = fileURLToPath(new URL('../../../config/recipes/', import.meta.url));
const env = { SALLYPORT_SECRET: 'b5cd0a5b1f2e4c8d9a7b6c5d4e3f2a1b', PRINTER_PASSWORD: 'y' };

function load(name: string): Config | null {
  const loaded = loadConfig({ file: join(recipes, name), env });
  return loaded.kind === 'ok' ? loaded.config : null;
}
const names = readdirSync(recipes).filter((name) => name.endsWith('.yaml'));

test('every configuration survives the way to another process', (t) => {
  const configs = names.map(load).filter((config) => config !== null);
  t.true(configs.length >= 6);
  for (const config of configs) t.deepEqual(structuredClone(config), config);
});

test('what is fixed at the start is kept, the rest is taken', (t) => {
  const [first, next] = [load('wiki.yaml'), load('several-instances-redis.yaml')];
  if (first === null || next === null) throw new Error('a recipe can not be read');
  const kept = keepFixed(next, first);
  t.deepEqual(fixedAtStart(kept), fixedAtStart(first));
  t.notDeepEqual(fixedAtStart(next), fixedAtStart(first));
  t.is(kept.routes, next.routes);
});
