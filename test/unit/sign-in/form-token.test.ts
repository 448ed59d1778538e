import { randomBytes } from 'node:crypto';
import test from 'ava';
import { createFormTokens } from '../../../src/sign-in/form-token.ts';

const key = randomBytes(32);
const tokens = createFormTokens({ key, randomBytes });

test('accepts the token of a page that this browser was given', (t) => {
  const { cookie, isNew } = tokens.secretFor(null);
  t.true(isNew);
  t.true(tokens.verify(cookie, tokens.tokenFor(cookie, 'sign-in'), 'sign-in'));
});

test('tabs side by side share the secret of their browser', (t) => {
  const { cookie } = tokens.secretFor(null);
  t.deepEqual(tokens.secretFor(cookie), { cookie, isNew: false });
  t.true(tokens.verify(cookie, tokens.tokenFor(cookie, 'sign-in'), 'sign-in'));
});

test('another gateway with the same key accepts it, one with another key does not', (t) => {
  const { cookie } = tokens.secretFor(null);
  const token = tokens.tokenFor(cookie, 'sign-in');
  t.true(createFormTokens({ key, randomBytes }).verify(cookie, token, 'sign-in'));
  t.false(createFormTokens({ key: randomBytes(32), randomBytes }).verify(cookie, token, 'sign-in'));
});

test("refuses another browser's token, another purpose, and what is missing or bent", (t) => {
  const { cookie } = tokens.secretFor(null);
  const other = tokens.secretFor(null).cookie;
  const token = tokens.tokenFor(cookie, 'sign-in');
  t.false(tokens.verify(other, token, 'sign-in'));
  t.false(tokens.verify(null, token, 'sign-in'));
  t.false(tokens.verify('', token, 'sign-in'));
  t.false(tokens.verify(cookie, undefined, 'sign-in'));
  t.false(tokens.verify(cookie, '', 'sign-in'));
  t.false(tokens.verify(cookie, cookie, 'sign-in'));
  t.false(tokens.verify(cookie, token, 'sign-out'));
  t.false(tokens.verify(cookie, `${token}=`, 'sign-in'));
  t.false(tokens.verify(cookie, token.slice(1), 'sign-in'));
  const flipped = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
  t.false(tokens.verify(cookie, flipped, 'sign-in'));
});

test('makes a new secret when the one that was sent is none of ours in form', (t) => {
  for (const cookie of ['', 'x', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)} `, `${'a'.repeat(42)};`])
    t.true(tokens.secretFor(cookie).isNew, cookie);
});
