import test from 'ava';
import { nearest } from '../../../src/config/nearest.ts';

test('finds the word that was meant', (t) => {
  const known = ['upstream', 'stripPath', 'access', 'acceptBasic', 'host'];
  for (const [word, meant] of Object.entries({
    acess: 'access',
    upsteram: 'upstream',
    strip_path: 'stripPath',
    Host: 'host',
    hots: 'host',
    upstreams: 'upstream',
  }))
    t.is(nearest(word, known), meant, word);
});

test('guesses nothing when no word is near', (t) => {
  t.is(nearest('zebra', ['upstream', 'access', 'host']), undefined);
  t.is(nearest('x'.repeat(100_000), ['upstream']), undefined);
  t.is(nearest('x', []), undefined);
});
