import type { RequestFacts } from '../request/facts.ts';

export interface SignInUrlOptions {
  /** Origin of the sign-in pages. */
  readonly publicUrl: string;
  readonly authPath: string;
  /** Domain of the session cookie, or null when every host has its own. */
  readonly cookieDomain: string | null;
}

/** Where a visitor is led, and brought back from. */
export interface SignInUrls {
  /** Sign-in page with the way back to `target` (path and query on the host of the request). */
  readonly signIn: (facts: RequestFacts, target: string) => string;
  /** Sign-in page that asks someone who is signed in to sign in once more. */
  readonly signInAgain: (facts: RequestFacts, target: string) => string;
  /** The page for a second factor. */
  readonly stepUp: (facts: RequestFacts, target: string) => string;
}

/** Path and query of a request, as a browser would write them: raw bytes above 0x7f become escapes. */
export function targetOf(facts: RequestFacts): string {
  return `${facts.rawPath}${facts.rawQuery}`.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * One cookie reaches the host of `publicUrl` and the hosts of the cookie domain, so these sign in there and come back by
 * absolute address. Any other host has a cookie of its own and signs in under its own name: path only.
 */
export function createSignInUrls({ publicUrl, authPath, cookieDomain }: SignInUrlOptions): SignInUrls {
  const publicHost = new URL(publicUrl).hostname;
  const sharesCookie = (host: string) =>
    host === publicHost || (cookieDomain !== null && (host === cookieDomain || host.endsWith(`.${cookieDomain}`)));

  const build = (page: string, marker: string) => (facts: RequestFacts, target: string) =>
    sharesCookie(facts.host)
      ? `${publicUrl}${authPath}/${page}?${marker}return_to=${encodeURIComponent(facts.origin + target)}`
      : `${authPath}/${page}?${marker}return_to=${encodeURIComponent(target)}`;

  return {
    signIn: build('sign-in', ''),
    signInAgain: build('sign-in', 'again=1&'),
    stepUp: build('step-up', ''),
  };
}
