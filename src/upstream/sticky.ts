import type { Authenticated } from '../authentication/authenticator.ts';
import { readCookie } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';
import { hashToken, tokenPattern } from '../session/new-session.ts';
import { hashOf } from './balance.ts';

/** What decides which target a visitor keeps. */
export interface StickyVisitor {
  /** 32 bits; see `balance.ts`. */
  readonly key: number;
  /** Whole `Set-Cookie` values by which the visitor will be known again. */
  readonly setCookies: readonly string[];
}

export interface StickinessOptions {
  /** The cookie for visitors without a session. */
  readonly cookie: { readonly name: string; readonly serialize: (value: string) => string };
  readonly randomBytes: (size: number) => Buffer;
}

/** Tells visitors apart, not who they are: nothing here is a credential. */
export type Stickiness = (facts: RequestFacts, visitor: Authenticated | null) => StickyVisitor;

const none: readonly string[] = [];

/**
 * By session; without one by user, where a credential came with the request; where anyone may pass, by the session cookie as it
 * came (whoever made one up gets a target like everybody else), so that public parts of an app come from the same target; in
 * the end by a random cookie of our own.
 */
export function createStickiness({ cookie, randomBytes }: StickinessOptions): Stickiness {
  return (facts, visitor) => {
    if (visitor !== null) {
      const { session, identity } = visitor;
      return { key: hashOf(session === null ? identity.user : session.id), setCookies: none };
    }
    const [token, ...others] = facts.sessionTokens;
    if (token !== undefined && tokenPattern.test(token) && others.every((other) => other === token))
      return { key: hashOf(hashToken(token)), setCookies: none };
    const known = readCookie(facts, cookie.name);
    if (known !== null && valueLike.test(known)) return { key: hashOf(known), setCookies: none };
    const value = randomBytes(16).toString('base64url');
    return { key: hashOf(value), setCookies: [cookie.serialize(value)] };
  };
}

const valueLike = /^[A-Za-z0-9_-]{22}$/;
