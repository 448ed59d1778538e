import type { Authenticated } from '../authentication/authenticator.ts';
import { assertionHeader } from '../identity/assertion.ts';
import type { ReservedHeaders } from '../identity/headers.ts';
import { cookieLines, cutCookies } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';
import { changeHeaders } from '../route/headers/changes.ts';
import type { ForwardingRoute } from '../route/table.ts';
import type { UpstreamTarget } from '../route/upstream/config.ts';
import { isHopByHop, namedInConnection } from './hop-by-hop.ts';
import { remembered } from './remembered.ts';
import { fitDestination, upstreamAuthority } from './rewrite.ts';

export interface RequestHeadersOptions {
  readonly reserved: ReservedHeaders;
  /** A cookie of this name is the gateway's own. */
  readonly isOwnCookie: (name: string) => boolean;
  /** An `Authorization` that is meant for the gateway, whoever looked at it; `acceptTokens` as the route has it. */
  readonly isOwnCredential: (authorization: string, acceptTokens: boolean) => boolean;
}

export interface UpstreamRequest {
  readonly facts: RequestFacts;
  readonly route: ForwardingRoute;
  /** Null where anyone may pass: then nothing is told about who asks. */
  readonly visitor: Authenticated | null;
  /** The signed assertion for this visitor; left out where the route has none. */
  readonly assertion?: string | undefined;
}

/** What becomes of a header of the visitor. */
type Treatment = 'pass' | 'drop' | 'connection' | 'cookie' | 'authorization' | 'destination' | 'content-length';

/**
 * Makes the writer of request headers: what a visitor sent → flat raw headers (`[name, value, …]`, Latin-1) for the upstream.
 *
 * Dropped: hop-by-hop headers and those that `Connection` names, reserved names and their look-alikes, our cookies, a
 * credential that was ours, `Expect`. Everything else stands byte for byte, in its order and spelling, doubles included.
 * Then comes what the route sets in place of them, and what we say: `X-Forwarded-*`, `X-Request-Id`, the app's own sign-in, the identity last. `Host` is first.
 *
 * `protocol` is the one `Upgrade` to ask for, null for an ordinary request.
 */
export function createRequestHeaders({
  reserved,
  isOwnCookie,
  isOwnCredential,
}: RequestHeadersOptions): (request: UpstreamRequest, target: UpstreamTarget, protocol: string | null) => string[] {
  const treatmentOf = remembered((name) => treat(name.toLowerCase(), reserved));
  const isOwn = remembered(isOwnCookie);

  return ({ facts, route, visitor, assertion }, target, protocol) => {
    const headers = ['Host', route.preserveHost ? facts.authority : upstreamAuthority(target)];
    if (protocol !== null) headers.push('Connection', 'Upgrade', 'Upgrade', protocol);
    let named: Set<string> | null = null;
    let hasCookie = false;
    let hasLength = false;

    for (const [name, value] of facts.headers) {
      switch (treatmentOf(name)) {
        case 'pass':
          headers.push(name, value);
          break;
        case 'drop':
          break;
        case 'connection': {
          const names = namedInConnection(value);
          if (names !== null) named = new Set([...(named ?? []), ...names]);
          break;
        }
        case 'cookie': {
          if (hasCookie) break;
          hasCookie = true;
          const rest = cutCookies(cookieLines(facts), isOwn);
          if (rest !== null) headers.push(name, rest);
          break;
        }
        case 'authorization':
          if (passesAuthorization(value, route, visitor) && !isOwnCredential(value, route.acceptTokens))
            headers.push(name, value);
          break;
        case 'destination': {
          const fitted = fitDestination(value, facts, route, target);
          if (fitted !== null) headers.push(name, fitted);
          break;
        }
        case 'content-length':
          if (protocol === null && !hasLength) headers.push(name, value);
          hasLength = true;
          break;
      }
    }
    const passed = named === null ? headers : withoutNamed(headers, named);
    const kept = route.requestHeaders === null ? passed : changeHeaders(passed, route.requestHeaders);
    tell(kept, facts, route, visitor);
    if (visitor !== null && assertion !== undefined) kept.push(assertionHeader, assertion);
    return kept;
  };
}

function tellAccessToken(
  headers: string[],
  name: NonNullable<ForwardingRoute['accessToken']>,
  { session }: Authenticated,
): void {
  const token = session?.provider?.accessToken ?? null;
  // RFC 6750 §2.1: what is no such token is no header either.
  if (token === null || !/^[\x21-\x7e]+$/.test(token)) return;
  if (name === 'authorization') headers.push('Authorization', `Bearer ${token}`);
  else headers.push('X-Forwarded-Access-Token', token);
}

function treat(lowerName: string, reserved: ReservedHeaders): Treatment {
  switch (lowerName) {
    case 'connection':
    case 'cookie':
    case 'authorization':
    case 'destination':
    case 'content-length':
      return lowerName;
    // Host is written by us; an interim answer is ours to give (undici can't send `Expect` on).
    case 'host':
    case 'expect':
      return 'drop';
    default:
      return isHopByHop(lowerName) || reserved.isReserved(lowerName) ? 'drop' : 'pass';
  }
}

/**
 * `Authorization` is the app's own business, unless it signed in here, or the route puts its own in its place. On a route
 * that takes Basic a password is the gateway's, also where anyone may pass and nobody looked at it.
 */
function passesAuthorization(value: string, route: ForwardingRoute, visitor: Authenticated | null): boolean {
  if (route.accessToken === 'authorization') return false;
  if (visitor !== null && (visitor.consumesAuthorization || route.basicAuth !== null)) return false;
  return !(route.acceptBasic && /^basic(\s|$)/i.test(value));
}

/** What `Connection` names goes, except Host, which stands first, and what we set for an upgrade. */
function withoutNamed(headers: readonly string[], named: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const lowerName = name.toLowerCase();
    if (named.has(lowerName) && lowerName !== 'upgrade' && lowerName !== 'connection') continue;
    kept.push(name, headers[index + 1] ?? '');
  }
  return kept;
}

function tell(headers: string[], facts: RequestFacts, route: ForwardingRoute, visitor: Authenticated | null): void {
  const chain = facts.forwardedFor.length > 0 ? `${facts.forwardedFor.join(', ')}, ` : '';
  // A visitor on a unix socket has no address.
  if (facts.peerAddress !== '') headers.push('X-Forwarded-For', chain + facts.peerAddress);
  else if (chain !== '') headers.push('X-Forwarded-For', chain.slice(0, -2));
  headers.push(
    'X-Forwarded-Host',
    facts.authority,
    'X-Forwarded-Proto',
    facts.scheme,
    'X-Forwarded-Port',
    String(facts.port),
    'X-Request-Id',
    facts.id,
  );
  if (visitor === null) return;
  const credential = route.basicAuth?.(visitor.identity) ?? '';
  if (credential !== '') headers.push('Authorization', credential);
  if (route.accessToken !== null) tellAccessToken(headers, route.accessToken, visitor);
  for (const text of route.headers.write(visitor.identity)) headers.push(text);
}
