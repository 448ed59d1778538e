import type { Dispatcher } from 'undici';
import type { RequestFacts } from '../request/facts.ts';
import { changeHeaders } from '../route/headers/changes.ts';
import type { ForwardingRoute } from '../route/table.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';
import { isHopByHop, namedInConnection } from './hop-by-hop.ts';
import { fitCookie, fitRefresh, fitUrl } from './rewrite.ts';

export interface ResponseHeadersOptions {
  /** A cookie of this name is the gateway's own. */
  readonly isOwnCookie: (name: string) => boolean;
  /** `Strict-Transport-Security` for answers over https that say nothing of it; null: none. */
  readonly hsts?: string | null;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** `[name, value, …]` as undici gives them: bytes. */
  readonly rawHeaders: readonly (Buffer | string)[];
  readonly facts: RequestFacts;
  readonly route: ForwardingRoute;
  /** Who answered. */
  readonly target: UpstreamTarget;
  /** Whole `Set-Cookie` values of ours to add. */
  readonly setCookies: readonly string[];
  /** Trailers can be passed on (the visitor speaks HTTP/1.1). */
  readonly mayTrail: boolean;
}

/**
 * Makes the writer of response headers: what the upstream answered → flat raw headers for the visitor.
 *
 * Dropped: hop-by-hop headers and those that `Connection` names, and every `Set-Cookie` of our name. URLs and cookies are
 * fitted to the visitor's side of the route, headers changed as the route says. Everything else stands byte for byte, doubles on their own lines.
 */
export function createResponseHeaders({
  isOwnCookie,
  hsts = null,
}: ResponseHeadersOptions): (answer: UpstreamAnswer) => string[] {
  return (answer) => {
    const { status, rawHeaders, facts, route, target } = answer;
    const headers: string[] = [];
    let named: Set<string> | null = null;
    let hasLength = false;
    let trailer: string | null = null;

    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = latin1(rawHeaders[index]);
      const value = latin1(rawHeaders[index + 1]);
      const lowerName = name.toLowerCase();
      switch (lowerName) {
        case 'connection': {
          const names = namedInConnection(value);
          if (names !== null) named = new Set([...(named ?? []), ...names]);
          break;
        }
        case 'content-length':
          // RFC 9110 §8.6: none on 204; the first of equal ones elsewhere (unequal ones never get here).
          if (status !== 204 && !hasLength) headers.push(name, value);
          hasLength = true;
          break;
        case 'trailer':
          trailer = trailer === null ? value : `${trailer}, ${value}`;
          break;
        case 'set-cookie':
          if (!isOwnCookie(cookieName(value))) headers.push(name, fitCookie(value, route, target));
          break;
        case 'location':
        case 'content-location':
          headers.push(name, fitUrl(value, facts, route, target));
          break;
        case 'refresh':
          headers.push(name, fitRefresh(value, facts, route, target));
          break;
        default:
          if (!isHopByHop(lowerName)) headers.push(name, value);
      }
    }
    // Node refuses to announce trailers where no chunks carry them.
    const hasChunks = !hasLength && status !== 204 && status !== 304 && facts.method !== 'HEAD';
    if (trailer !== null && answer.mayTrail && hasChunks) headers.push('Trailer', trailer);
    const passed = named === null ? headers : withoutNamed(headers, named);
    const kept = route.responseHeaders === null ? passed : changeHeaders(passed, route.responseHeaders);
    if (hsts !== null && facts.scheme === 'https' && !hasName(kept, hstsName))
      kept.push('Strict-Transport-Security', hsts);
    return answer.setCookies.length === 0 ? kept : withOwnCookies(kept, answer.setCookies);
  };
}

const hstsName = 'strict-transport-security';

function hasName(flat: readonly string[], lowerName: string): boolean {
  for (let index = 0; index < flat.length; index += 2)
    if (flat[index]?.length === lowerName.length && flat[index]?.toLowerCase() === lowerName) return true;
  return false;
}

/** What undici hands over as raw headers. */
export function rawOf(headers: Dispatcher.DispatchController['rawHeaders']): readonly (Buffer | string)[] {
  return Array.isArray(headers) ? headers : [];
}

function latin1(text: Buffer | string | undefined): string {
  return typeof text === 'object' ? text.toString('latin1') : (text ?? '');
}

/**
 * The name under which a browser would send this cookie back. A cookie without a name comes back as its bare value, so that
 * `=name=value` counts as `name`.
 */
function cookieName(setCookie: string): string {
  const pair = setCookie.split(';', 1)[0] ?? '';
  const start = pair.search(/[^\s=]/);
  if (start === -1) return '';
  const end = pair.indexOf('=', start);
  return pair.slice(start, end === -1 ? undefined : end).trim();
}

function withoutNamed(headers: readonly string[], named: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!named.has(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '');
  }
  return kept;
}

/** A cookie of ours is one person's: no shared cache may keep the answer that carries it. */
function withOwnCookies(headers: readonly string[], setCookies: readonly string[]): string[] {
  const kept: string[] = [];
  let isPrivate = false;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name.toLowerCase() !== 'cache-control') {
      kept.push(name, value);
      continue;
    }
    const directives = value.split(',').filter((directive) => !/^\s*(public|s-maxage\s*=.*)\s*$/i.test(directive));
    isPrivate ||= directives.some((directive) => /^\s*(private|no-store)\s*$/i.test(directive));
    if (directives.some((directive) => directive.trim() !== '')) kept.push(name, directives.join(',').trim());
  }
  if (!isPrivate) kept.push('Cache-Control', 'private');
  for (const cookie of setCookies) kept.push('Set-Cookie', cookie);
  return kept;
}

/** Trailers of an answer that may go on, as pairs for `addTrailers`; the head's business has no place in them (RFC 9110 §6.5.1). */
export function responseTrailers(rawTrailers: readonly (Buffer | string)[]): [string, string][] {
  const trailers: [string, string][] = [];
  for (let index = 0; index + 1 < rawTrailers.length; index += 2) {
    const name = latin1(rawTrailers[index]);
    const lowerName = name.toLowerCase();
    if (!isHopByHop(lowerName) && !headOnly.has(lowerName)) trailers.push([name, latin1(rawTrailers[index + 1])]);
  }
  return trailers;
}

const headOnly: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'set-cookie',
  'location',
  'cache-control',
  'www-authenticate',
  'host',
]);
