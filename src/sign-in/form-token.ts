import { createHmac, timingSafeEqual } from 'node:crypto';
import { readCookie } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';

export interface FormTokenOptions {
  /** Key of its own, derived from the store's secret. */
  readonly key: Buffer;
  /** Name of the cookie that marks the browser. */
  readonly cookieName: string;
  /** The cookie is for https only. */
  readonly secure: boolean;
  readonly randomBytes: (size: number) => Buffer;
}

/** A token for one browser's forms, and the cookie to set when the browser has none yet. */
export interface IssuedFormToken {
  readonly token: string;
  readonly setCookie: string | null;
}

/**
 * Binds forms to the browser that got them, against cross-site posts and planted sign-ins: a random cookie, and its HMAC in
 * the form. Nothing is stored, and all tabs of a browser share one cookie, so none disturbs another.
 */
export interface FormTokens {
  readonly issue: (facts: RequestFacts) => IssuedFormToken;
  /** True when `token` was issued to this browser. Constant time. */
  readonly verify: (facts: RequestFacts, token: string | undefined) => boolean;
}

const browserPattern = /^[A-Za-z0-9_-]{22}$/;

export function createFormTokens({ key, cookieName, secure, randomBytes }: FormTokenOptions): FormTokens {
  const tokenOf = (browser: string): Buffer => createHmac('sha256', key).update(browser).digest();
  const browserOf = (facts: RequestFacts): string | null => {
    const value = readCookie(facts, cookieName);
    return value !== null && browserPattern.test(value) ? value : null;
  };
  return {
    issue: (facts) => {
      const known = browserOf(facts);
      const browser = known ?? randomBytes(16).toString('base64url');
      const setCookie = `${cookieName}=${browser}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
      return { token: tokenOf(browser).toString('base64url'), setCookie: known === null ? setCookie : null };
    },
    verify: (facts, token) => {
      const browser = browserOf(facts);
      if (browser === null || token === undefined) return false;
      const expected = tokenOf(browser);
      const given = Buffer.from(token, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
