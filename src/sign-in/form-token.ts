import { createHmac, timingSafeEqual } from 'node:crypto';

export interface FormTokensOptions {
  /** Key of 32 bytes, of this purpose only. */
  readonly key: Buffer;
  readonly randomBytes: (size: number) => Buffer;
}

/** What a form does; a token for one does nothing in another. */
export type FormPurpose = 'sign-in' | 'sign-out' | 'access-tokens';

export interface FormSecret {
  /** Value of the browser's form cookie. */
  readonly cookie: string;
  /** The browser does not have it yet: set it, without `Max-Age`, with the attributes of the session cookie. */
  readonly isNew: boolean;
}

/**
 * Tells our own forms from another site's (double submit): the browser keeps a random secret in a cookie, the form a token that
 * only we can make from it. Nothing is stored. All tabs of a browser share the secret, so they don't disturb each other.
 */
export interface FormTokens {
  /** Takes over the browser's secret, or makes one. `cookie` is null when there is none, or several that differ. */
  readonly secretFor: (cookie: string | null) => FormSecret;
  /** The form's hidden field. */
  readonly tokenFor: (cookie: string, purpose: FormPurpose) => string;
  /** True when the form came from a page that we gave to this browser. Constant time. */
  readonly verify: (cookie: string | null, token: string | undefined, purpose: FormPurpose) => boolean;
}

/** @example const tokens = createFormTokens({ key, randomBytes }); const { cookie } = tokens.secretFor(null) */
export function createFormTokens({ key, randomBytes }: FormTokensOptions): FormTokens {
  const mac = (cookie: string, purpose: FormPurpose): Buffer =>
    createHmac('sha256', key).update(`form\0${purpose}\0${cookie}`).digest();
  const isSecret = (cookie: string | null): cookie is string => cookie !== null && /^[A-Za-z0-9_-]{43}$/.test(cookie);
  return {
    secretFor: (cookie) =>
      isSecret(cookie) ? { cookie, isNew: false } : { cookie: randomBytes(32).toString('base64url'), isNew: true },
    tokenFor: (cookie, purpose) => mac(cookie, purpose).toString('base64url'),
    verify: (cookie, token, purpose) => {
      if (!isSecret(cookie) || token === undefined || !/^[A-Za-z0-9_-]{43}$/.test(token)) return false;
      return timingSafeEqual(mac(cookie, purpose), Buffer.from(token, 'base64url'));
    },
  };
}
