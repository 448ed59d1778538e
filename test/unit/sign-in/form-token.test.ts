import test from 'ava';
import { randomBytes } from 'node:crypto';
import { createFormTokens } from '../../../src/sign-in/form-token.ts';
import { factsOf } from '../../support/facts.ts';

const tokens = createFormTokens({
  key: Buffer.alloc(32, 1),
  cookieName: '__Host-sallyport-form',
  secure: true,
  randomBytes,
});
const withCookie = (cookie: string) => factsOf({ headers: { Cookie: cookie } });

test('marks a new browser and accepts its form', (t) => {
  const issued = tokens.issue(factsOf());
  t.regex(issued.setCookie ?? '', /^__Host-sallyport-form=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  const cookie = issued.setCookie!.split(';')[0]!;
  t.true(tokens.verify(withCookie(cookie), issued.token));
});

test('gives every tab of a browser the same mark', (t) => {
  const first = tokens.issue(factsOf());
  const cookie = first.setCookie!.split(';')[0]!;
  const second = tokens.issue(withCookie(cookie));
  t.is(second.setCookie, null);
  t.is(second.token, first.token);
});

test("refuses a missing token, another browser's, and one without the cookie", (t) => {
  const mine = tokens.issue(factsOf());
  const other = tokens.issue(factsOf());
  const cookie = mine.setCookie!.split(';')[0]!;
  t.false(tokens.verify(withCookie(cookie), undefined));
  t.false(tokens.verify(withCookie(cookie), ''));
  t.false(tokens.verify(withCookie(cookie), other.token));
  t.false(tokens.verify(factsOf(), mine.token));
});

test('takes over no mark that it could not have made', (t) => {
  t.not(tokens.issue(withCookie('__Host-sallyport-form=chosen')).setCookie, null);
});
