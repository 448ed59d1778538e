import { randomBytes } from 'node:crypto';
import test from 'ava';
import { holdsToken, idOfTokenText, isTokenLike, newTokenText } from '../../../src/access-token/token-text.ts';

test('a token is a prefix, 256 random bits and a checksum, in letters and digits', (t) => {
  const texts = Array.from({ length: 500 }, () => newTokenText(randomBytes));
  t.is(new Set(texts).size, 500);
  for (const text of texts) t.regex(text, /^slp_[0-9A-Za-z]{49}$/);
  t.is(newTokenText(() => Buffer.alloc(32)).slice(0, 47), `slp_${'0'.repeat(43)}`);
  t.is(newTokenText(() => Buffer.alloc(32, 255)).length, 53);
});

test('every single wrong character is found without asking anybody', (t) => {
  const text = newTokenText(randomBytes);
  t.regex(idOfTokenText(text) ?? '', /^[A-Za-z0-9_-]{43}$/);
  for (let place = 0; place < text.length; place += 1) {
    const wrong = text[place] === 'x' ? 'y' : 'x';
    t.is(idOfTokenText(text.slice(0, place) + wrong + text.slice(place + 1)), null, String(place));
  }
  for (const wrong of ['', 'slp_', `${text} `, `${text}\n`, text.slice(1), text.toLowerCase(), `${text}${text}`])
    t.is(idOfTokenText(wrong), null, wrong);
});

test('a token is seen wherever it stands', (t) => {
  const text = newTokenText(randomBytes);
  t.true(holdsToken(`user:${text}`));
  t.true(holdsToken(`Bearer ${text}`));
  t.false(holdsToken(text.slice(0, -1)));
  t.true(isTokenLike('slp_anything'));
  t.false(isTokenLike(`x${text}`));
});
