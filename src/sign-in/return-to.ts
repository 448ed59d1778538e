import type { RequestFacts } from '../request/facts.ts';

const maxLength = 2_048;
const maxFragmentLength = 1_024;

export interface ReturnToOptions {
  /** Origin of the sign-in pages. */
  readonly publicUrl: string;
  /** Hosts that a route names; never those that only a route for every host serves (see `createNamedHosts`). */
  readonly servesHost: (host: string) => boolean;
  readonly authPath: string;
}

/**
 * Decides where a browser may be led after signing in or out: to our own hosts, never to a page that would only lead on
 * (sign-in, sign-out, callbacks). The value comes back byte for byte, or null.
 */
export interface ReturnTo {
  readonly check: (raw: string | undefined, facts: Pick<RequestFacts, 'host' | 'origin'>) => string | null;
}

/** @example createReturnTo({ publicUrl, authPath, servesHost: createNamedHosts(routes) }).check('/wiki?x=1', facts) */
export function createReturnTo({ publicUrl, servesHost, authPath }: ReturnToOptions): ReturnTo {
  const home = new URL(publicUrl);

  const isOurs = (url: URL): boolean => {
    if (url.origin === home.origin) return true;
    if (url.protocol !== home.protocol || url.port !== home.port) return false;
    return servesHost(url.hostname);
  };

  return {
    check: (raw, facts) => {
      if (raw === undefined || raw === '' || raw.length > maxLength) return null;
      // Visible ASCII alone: browsers write addresses so, and cut tabs and line ends out of what they read.
      if (!/^[\x21-\x7e]+$/.test(raw)) return null;
      const parts = split(raw);
      if (parts === null || !isPlainPath(parts.path)) return null;
      if (!URL.canParse(raw, facts.origin)) return null;
      const url = new URL(raw, facts.origin);
      if (url.username !== '' || url.password !== '') return null;
      if (parts.authority === null ? url.origin !== facts.origin : !isOurs(url)) return null;
      return leadsOn(url.pathname, authPath) ? null : raw;
    },
  };
}

/** Adds the `#fragment` that a script of ours saw; what is no fragment is dropped. */
export function addFragment(returnTo: string, fragment: string | undefined): string {
  if (fragment === undefined || fragment.length > maxFragmentLength || returnTo.includes('#')) return returnTo;
  return /^#[\x21-\x7e]+$/.test(fragment) ? returnTo + fragment : returnTo;
}

/** True for hosts that some route names, exactly or by `*.example.com`. */
export function createNamedHosts(routes: readonly { readonly host: string | null }[]): (host: string) => boolean {
  const exact = new Set<string>();
  const wildcards = new Set<string>();
  for (const { host } of routes) {
    if (host?.startsWith('*.')) wildcards.add(host.slice(1));
    else if (host !== null) exact.add(host);
  }
  return (host) => {
    if (exact.has(host)) return true;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1))
      if (wildcards.has(host.slice(dot))) return true;
    return false;
  };
}

interface Parts {
  /** Null for a path on the same host. */
  readonly authority: string | null;
  readonly path: string;
}

/**
 * Takes `/path…` and `http(s)://authority[/path]…` apart by their own text, stricter than any browser: what a browser would
 * read as an authority in disguise (`//`, `/\`, `https:x`, `user@`) has no part here.
 */
function split(raw: string): Parts | null {
  const match = /^(?:https?:\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?)?(\/[^?#]*)?(?:[?#].*)?$/.exec(raw);
  if (!match) return null;
  const [, host, port = '', path = ''] = match;
  if (host === undefined) return path === '' ? null : { authority: null, path };
  // An empty label (`app.test.`, `.app.test`) is a name that some read as another.
  return /^\.|\.\.|\.$/.test(host) ? null : { authority: host + port, path };
}

/** One reading of the path, for browsers and upstreams alike; the gate refuses all others anyway. */
function isPlainPath(path: string): boolean {
  if (/^\/(\/|%2f|%5c)/i.test(path) || /\\|%5c|%[01][0-9a-f]|%7f/i.test(path)) return false;
  if (/%(?![0-9a-f]{2})/i.test(path)) return false;
  return !/(^|\/|%2f)(\.|%2e){1,2}(\/|%2f|;|%3b|$)/i.test(path);
}

/** A page of ours that only leads on or acts: the browser would go in circles, or be signed out at once. */
function leadsOn(pathname: string, authPath: string): boolean {
  const path = decodeAll(pathname)
    .toLowerCase()
    .replaceAll(/\/{2,}/g, '/')
    .replace(/;[^/]*/g, '');
  const own = authPath.toLowerCase();
  if (path !== own && !path.startsWith(`${own}/`)) return false;
  const rest = path.slice(own.length);
  const isDestination =
    rest === '' || rest === '/' || rest === '/account' || rest === '/hand-over' || rest.startsWith('/account/');
  return !isDestination;
}

function decodeAll(text: string): string {
  return text.replace(/%([2-7][0-9a-f])/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
