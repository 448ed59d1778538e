import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { contrast, deriveAccent, papers } from '../../../src/response/pages/accent.ts';

const style = readFileSync(new URL('../../../src/response/pages/style.css', import.meta.url), 'utf8');
const [light, dark] = [...style.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, block = '']) =>
    new Map([...block.matchAll(/(--[a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!])),
);

test('measures contrast as WCAG does', (t) => {
  t.is(contrast('#000000', '#ffffff'), 21);
  t.is(contrast('#777777', '#ffffff').toFixed(2), '4.48');
  t.is(contrast('#ffffff', '#777777').toFixed(2), '4.48');
});

for (const [scheme, colours] of [
  ['light', light],
  ['dark', dark],
] as const)
  test(`our own colours are readable in the ${scheme} scheme`, (t) => {
    const of = (name: string) => colours!.get(`--${name}`)!;
    for (const paper of ['paper', 'card'])
      for (const ink of ['ink', 'soft', 'accent', 'bad'])
        t.true(contrast(of(ink), of(paper)) >= 4.5, `${ink} on ${paper}`);
    t.true(contrast(of('accent-ink'), of('accent')) >= 4.5);
    t.true(contrast(of('bad'), of('bad-paper')) >= 4.5);
    t.true(contrast(of('ink'), of('note-paper')) >= 4.5);
    // WCAG 2.2 §1.4.11: the edge of a field
    for (const paper of ['paper', 'card']) t.true(contrast(of('edge'), of(paper)) >= 3, `edge on ${paper}`);
  });

test('the papers that accents are measured on are those of the stylesheet, the harder of each scheme', (t) => {
  t.true(light!.get('--paper') === papers.light);
  t.true(dark!.get('--card') === papers.dark);
});

test('any accent becomes readable on every paper, with readable words on it', (t) => {
  const hex = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);
  fc.assert(
    fc.property(hex, (accent) => {
      const derived = deriveAccent(accent);
      for (const [shade, colours] of [
        [derived.light, light!],
        [derived.dark, dark!],
      ] as const) {
        for (const paper of ['--paper', '--card'])
          if (contrast(shade.accent, colours.get(paper)!) < 4.5) throw new Error(`${accent} on ${paper}`);
        if (contrast(shade.accent, shade.ink) < 4.5) throw new Error(`ink on ${accent}`);
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test('an accent that is readable as it stands is left alone', (t) => {
  t.is(deriveAccent('#0b6e5f').light.accent, '#0b6e5f');
  t.is(deriveAccent('#6fd3bf').dark.accent, '#6fd3bf');
});
