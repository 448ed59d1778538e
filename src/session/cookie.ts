import type { SessionConfig } from './config.ts';

/** Browsers cut lifetimes at 400 days (RFC 6265bis §5.5). */
const maxAgeLimitSeconds = 400 * 86_400;

export interface SessionCookieOptions {
  /** Origin of the sign-in pages: decides about `Secure` and the prefix. */
  readonly publicUrl: string;
  readonly cookie: SessionConfig['cookie'];
}

/** The cookie that holds a session's token. */
export interface SessionCookie {
  /** With its prefix: `__Host-sallyport`, `__Secure-sallyport` or `sallyport`. */
  readonly name: string;
  /** Auxiliary cookie of the sign-in form. */
  readonly formName: string;
  /** Tells visitors without a session apart, for `balance: sticky`; always of one host. */
  readonly sticky: { readonly name: string; readonly serialize: (value: string) => string };
  /**
   * True for every name that is ours or could be taken for ours: with or without a prefix, in any case, the form's, the targets', and
   * pieces (`sallyport.0`). None of them reaches an upstream, none is taken from one.
   */
  readonly isOurs: (name: string) => boolean;
  /** Where a cookie that is set at `host` (lower case) is sent: its domain, or that host alone. */
  readonly siteOf: (host: string) => string;
  /** A `Set-Cookie` value. Without `maxAgeSeconds` the browser forgets the cookie when it closes. */
  readonly serialize: (token: string, options?: { readonly maxAgeSeconds?: number }) => string;
  /** A `Set-Cookie` value that removes the cookie: the same attributes, or the browser would keep it. */
  readonly expire: () => string;
}

/**
 * @example createSessionCookie({ publicUrl: 'https://auth.example.com', cookie: config.session.cookie }).serialize(token)
 */
export function createSessionCookie({ publicUrl, cookie }: SessionCookieOptions): SessionCookie {
  const secure = publicUrl.startsWith('https:');
  // RFC 6265bis §4.1.3: __Host- binds the cookie to this very host, which a Domain would contradict.
  const prefix = secure ? (cookie.domain === null ? '__Host-' : '__Secure-') : '';
  const name = `${prefix}${cookie.name}`;
  const sameSite = { lax: 'Lax', strict: 'Strict', none: 'None' }[cookie.sameSite];
  const attributes = [
    'Path=/',
    ...(cookie.domain === null ? [] : [`Domain=${cookie.domain}`]),
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    `SameSite=${sameSite}`,
  ].join('; ');
  const plainName = cookie.name.toLowerCase();
  const ours = new Set([plainName, `${plainName}-form`, `${plainName}-target`]);
  const stickyName = `${secure ? '__Host-' : ''}${cookie.name}-target`;

  return {
    name,
    // Never sent to another host, whatever the domain of the session cookie: no neighbour can plant one.
    formName: `${secure ? '__Host-' : ''}${cookie.name}-form`,
    sticky: {
      name: stickyName,
      serialize: (value) => `${stickyName}=${value}; Path=/; HttpOnly; ${secure ? 'Secure; ' : ''}SameSite=Lax`,
    },
    isOurs: (candidate) =>
      ours.has(
        candidate
          .trim()
          .toLowerCase()
          .replace(/^__(?:host|secure)-/, '')
          .replace(/\.\d{1,9}$/, ''),
      ),
    siteOf: (host) => {
      const { domain } = cookie;
      return domain !== null && (host === domain || host.endsWith(`.${domain}`)) ? domain : host;
    },
    serialize: (token, { maxAgeSeconds } = {}) => {
      const age =
        maxAgeSeconds === undefined ? '' : `; Max-Age=${Math.floor(Math.min(maxAgeSeconds, maxAgeLimitSeconds))}`;
      return `${name}=${token}; ${attributes}${age}`;
    },
    expire: () => `${name}=; ${attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`,
  };
}
