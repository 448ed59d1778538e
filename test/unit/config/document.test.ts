import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readDocument } from '../../../src/config/document.ts';

function read(text: string): { readonly value: unknown; readonly faults: readonly string[] } {
  const { value, faults } = readDocument(text, 'x.yaml', { env: {}, directory: '/' });
  return { value, faults: faults.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`) };
}

test('reads YAML 1.2: old booleans, times and octals are no such things', (t) => {
  const { value, faults } = read('a: no\nb: on\nc: 1:30\nd: "0777"\ne: 2001-01-01\nf: ~\ng: true\nh: 5\ni: 1.5\n');
  t.deepEqual(faults, []);
  t.deepEqual(value, { a: 'no', b: 'on', c: '1:30', d: '0777', e: '2001-01-01', f: null, g: true, h: 5, i: 1.5 });
});

test('refuses numbers that readers understand differently', (t) => {
  for (const number of ['0777', '0o17', '0x1f', '1e3', '.inf', '.nan', '+1', '12345678901234567890'])
    t.is(read(`a: ${number}`).faults.length, 1, number);
});

test('understands anchors and aliases', (t) => {
  const { value, faults } = read('a: &x [1, { b: c }]\nd: *x\n');
  t.deepEqual(faults, []);
  t.deepEqual(value, { a: [1, { b: 'c' }], d: [1, { b: 'c' }] });
});

const refused: Record<string, readonly [text: string, fault: string]> = {
  'a key given twice': ['a: 1\nb: { c: 1, c: 2 }', '2:12 b.c: stands twice; take one away'],
  'a merge key': [
    'a: &a { x: 1 }\nb: { <<: *a }',
    '2:6 b["<<"]: is a merge key, which is not understood; write the keys out',
  ],
  '__proto__ as a key': ['a: { __proto__: { x: 1 } }', '1:6 a.__proto__: is a key that is never allowed'],
  'constructor as a key': ['constructor: { prototype: { x: 1 } }', '1:1 constructor: is a key that is never allowed'],
  'a tag that runs code': ['a: !!js/function "x"', '1:4 : has a tag (!…) that is not understood; take it away'],
  'a tag of another schema': ['a: !!timestamp 2001-01-01', '1:4 : has a tag (!…) that is not understood; take it away'],
  'a key that is not text': ['1: a', '1:1 : has a key that is not text; put the key in quotes'],
  'several documents': ['a: 1\n---\nb: 2', '2:1 : holds several documents; write one'],
  'another version of YAML': [
    '%YAML 1.1\n---\na: no',
    '1:1 : asks for another version of YAML; take the %YAML line away',
  ],
  'a control character': ['a: 1\nb:\0 2', '2:3 : holds a control character'],
  'an alias without anchor': ['a: *x', '1:4 a: has an alias (*name) without its anchor'],
  'an alias of what it stands in': ['a: &x [*x]', '1:8 a[0]: has an alias (*name) without its anchor'],
  'what is not YAML': ['a: b: c', '1:4 : is not YAML: Nested mappings are not allowed in compact mappings'],
};

for (const [name, [text, fault]] of Object.entries(refused))
  test(`refuses ${name}`, (t) => {
    t.deepEqual(read(text).faults, [fault]);
    t.is(Reflect.get({}, 'x'), undefined);
  });

const bombs: Record<string, string> = {
  'aliases of aliases': [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
      (name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefg'[index]}`).join(', ')}]`,
    ),
  ].join('\n'),
  'five thousand merges': `a: &a { x: 1 }\nb: { <<: [${'*a, '.repeat(5_000)}] }`,
  'ten megabytes': `a: ${'x'.repeat(10 * 1024 * 1024)}`,
  'ten thousand brackets': '['.repeat(10_000),
  'ten thousand braces': '{a: '.repeat(10_000),
  'ten thousand dashes': `${'- '.repeat(10_000)}a`,
  'ten thousand question marks': '? '.repeat(10_000),
  'ever deeper lines': Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  'half a million entries': `[${'a,'.repeat(500_000)}]`,
  'many keys': Array.from({ length: 100_000 }, (_, index) => `k${index}:`).join('\n'),
  'many anchors': `a: ${'&a '.repeat(300_000)}`,
  'many tabs': '\t-\t'.repeat(300_000),
  'many comments': '#\n'.repeat(500_000),
  'an open quote': `a: "${'\n'.repeat(1_000_000)}`,
  'broken escapes': '"\\u'.repeat(300_000),
};

// Linux: maxRSS also counts the process that forked this one; VmHWM does not.
const probe = `
  import { existsSync, readFileSync } from 'node:fs';
  const { loadConfig } = await import(process.argv[1]);
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  const before = process.cpuUsage();
  const result = loadConfig({ file: '/x.yaml', env: {}, text });
  const { user, system } = process.cpuUsage(before);
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const peakKiB = Number(/VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
  console.log(JSON.stringify({ kind: result.kind, ms: (user + system) / 1000, peakKiB }));
`;

for (const [name, text] of Object.entries(bombs))
  test(`refuses ${name} in bounded time and memory`, (t) => {
    const module = fileURLToPath(new URL('../../../src/config/load.ts', import.meta.url));
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', probe, module], { input: text });
    const { kind, ms, peakKiB } = JSON.parse(child.stdout.toString()) as Record<string, string | number>;
    t.is(kind, 'faults');
    t.true(Number(ms) < 2_000, `${ms} ms`);
    t.true(Number(peakKiB) < 300 * 1024, `${peakKiB} KiB`);
  });
