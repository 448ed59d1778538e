import { METHODS, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createNetworkSet, plainAddress, readForwardedFor, type NetworkSet } from './client-address.ts';
import { cookieValues } from './cookies.ts';
import { readDestination } from './destination.ts';
import type { RawHeader, ReadResult, RequestFacts, TlsConnection, Unreadable } from './facts.ts';
import { defaultHeaderLimits, scanHeaders, type HeaderLimits, type ScannedHeaders } from './headers.ts';
import { readAuthority, readPort, type Authority } from './host.ts';
import { plainMessage, type Http2Head } from './http2.ts';
import { readPath } from './path.ts';
import { readUpgrade } from './upgrade.ts';

/** What the reader looks at of an incoming message: never `headers`, which node has joined and thinned out. */
export type ReadableMessage = Pick<IncomingMessage, 'httpVersion' | 'rawHeaders'> & {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly socket: Pick<Socket, 'remoteAddress' | 'localAddress' | 'destroyed'>;
  /** Set where it came over HTTP/2: read instead of method, target and headers. */
  readonly http2?: Http2Head | undefined;
};

export interface RequestReaderOptions {
  /** CIDR networks of proxies whose `X-Forwarded-*` are believed. */
  readonly trustedProxies: readonly string[];
  /** Origin of our own pages; its scheme is the visitor's where nobody says otherwise. */
  readonly publicUrl: string;
  readonly sessionCookieName: string;
  readonly nextRequestId: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What the handshake of a TLS socket settled; left out where there is no TLS. */
  readonly tlsOf?: (socket: object) => TlsConnection | undefined;
  readonly limits?: HeaderLimits;
}

/** From bytes on the wire to what we believe about a request, or to the reason why it can't be read in one way only. */
export type RequestReader = (request: ReadableMessage) => ReadResult;

interface Peer {
  readonly address: string;
  readonly trusted: boolean;
  readonly tls: TlsConnection | null;
}

const maxTargetLength = 8 * 1024;
const noHops: readonly string[] = [];
const knownMethods: ReadonlySet<string> = new Set(METHODS);

/** Builds the reader of all doors. It never throws, and takes time in proportion to the request's length. */
export function createRequestReader(options: RequestReaderOptions): RequestReader {
  const trusted = createNetworkSet(options.trustedProxies);
  const publicScheme = options.publicUrl.startsWith('https:') ? 'https' : 'http';
  const peers = new WeakMap<object, Peer>();
  const { tlsOf, limits = defaultHeaderLimits } = options;

  return (incoming) => {
    const request = incoming.http2 === undefined ? incoming : plainMessage(incoming.http2);
    if ('reason' in request) return { kind: 'unreadable', unreadable: request };
    if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return refuse(505, 'http-version');
    const method = request.method ?? '';
    if (method === 'CONNECT' || method === 'TRACE') return refuse(405, 'method-not-allowed');
    // The parser of HTTP/1 knows these and no others; what may come in is the same whatever it comes by.
    if (incoming.http2 !== undefined && !knownMethods.has(method)) return refuse(400, 'malformed-request');
    const scanned = scanHeaders(method, request.httpVersion, request.rawHeaders, limits);
    if ('reason' in scanned) return { kind: 'unreadable', unreadable: scanned };

    const host = readAuthority(scanned.host);
    if (host === null) return refuse(400, 'bad-host');
    const target = readTarget(request.url ?? '', host);
    if ('reason' in target) return { kind: 'unreadable', unreadable: target };
    const path = readPath(target.path);
    if (path.kind === 'unreadable') return refuse(400, path.reason);
    const destination = readDestination(method, firstValue(scanned.names, scanned.headers, 'destination'));
    if (destination?.kind === 'unreadable') return refuse(400, 'bad-destination');
    const upgrade = scanned.upgrade.length === 0 ? noHops : upgradeOf(method, request.httpVersion, scanned);
    if ('reason' in upgrade) return { kind: 'unreadable', unreadable: upgrade };

    const { socket } = incoming;
    const peer = peers.get(socket) ?? readPeer(socket, { trusted, peers, tlsOf });
    if (peer === null) return refuse(400, 'client-gone');
    if (peer.tls !== null && isMisdirected(peer.tls, host.host, peer.trusted))
      return refuse(421, 'misdirected-request');
    const seen = visitorsView(scanned, host, peer.trusted, publicScheme, 'encrypted' in socket);
    if ('reason' in seen) return { kind: 'unreadable', unreadable: seen };
    const chain = peer.trusted
      ? readForwardedFor(scanned.forwardedFor, peer.address, trusted)
      : { clientAddress: peer.address, forwardedFor: noHops };

    const facts: RequestFacts = {
      id: options.nextRequestId(),
      receivedAtMs: options.now(),
      method,
      scheme: seen.scheme,
      host: seen.host,
      port: seen.port,
      authority: seen.authority,
      origin: originOf(seen.scheme, seen.host, seen.port),
      path: path.path,
      otherReadings:
        destination === null
          ? path.otherReadings
          : [...path.otherReadings, destination.path, ...destination.otherReadings],
      hasEncodedSlash: path.hasEncodedSlash || destination?.hasEncodedSlash === true,
      rawPath: target.path,
      rawQuery: target.query,
      headers: scanned.headers,
      header: (name) => firstValue(scanned.names, scanned.headers, name),
      clientAddress: chain.clientAddress,
      peerAddress: peer.address,
      fromTrustedProxy: peer.trusted,
      clientCertificate: peer.tls === null || peer.trusted ? null : peer.tls.clientCertificate,
      forwardedFor: chain.forwardedFor,
      sessionTokens: cookieValues(scanned.cookies, options.sessionCookieName),
      upgrade,
      hasBody: scanned.hasBody,
      expectsContinue: scanned.expectsContinue,
    };
    return { kind: 'facts', facts };
  };
}

function refuse(status: Unreadable['status'], reason: string): ReadResult {
  return { kind: 'unreadable', unreadable: { status, reason } };
}

function upgradeOf(method: string, httpVersion: string, scanned: ScannedHeaders): readonly string[] | Unreadable {
  const { upgrade, connection, hasHttp2Settings } = scanned;
  return readUpgrade({ httpVersion, method, upgrade, connection, hasHttp2Settings, hasBody: scanned.hasBody });
}

/** Splits a request target; an absolute one only when it names the same place as `Host` (RFC 9112 §3.2.2). */
function readTarget(url: string, host: Authority): { readonly path: string; readonly query: string } | Unreadable {
  if (url.length > maxTargetLength) return { status: 414, reason: 'target-too-long' };
  if (unreadableTarget.test(url)) return { status: 400, reason: url.includes('#') ? 'fragment-in-path' : 'bad-target' };
  const origin = url.charCodeAt(0) === 0x2f ? url : originForm(url, host);
  if (typeof origin !== 'string') return origin;
  const mark = origin.indexOf('?');
  return mark < 0 ? { path: origin, query: '' } : { path: origin.slice(0, mark), query: origin.slice(mark) };
}

/** White space, control characters and `#` have no place in a request target, in the query neither. */
const unreadableTarget = /[\x00-\x20#\x7f\u0100-\uffff]/;

function originForm(url: string, host: Authority): string | Unreadable {
  if (url === '*') return { status: 400, reason: 'asterisk-target' };
  const match = /^(https?):\/\/([^/?]*)(.*)$/i.exec(url);
  if (match === null) return { status: 400, reason: 'bad-target' };
  const [, scheme = '', authorityText = '', rest = ''] = match;
  const authority = readAuthority(authorityText);
  if (authority === null) return { status: 400, reason: 'bad-target' };
  const standard = scheme.toLowerCase() === 'https' ? 443 : 80;
  const samePlace = authority.host === host.host && (authority.port ?? standard) === (host.port ?? standard);
  if (!samePlace) return { status: 400, reason: 'target-differs-from-host' };
  return rest.startsWith('/') ? rest : `/${rest}`;
}

interface PeerOptions {
  readonly trusted: NetworkSet;
  readonly peers: WeakMap<object, Peer>;
  readonly tlsOf: RequestReaderOptions['tlsOf'];
}

/** Null for a TCP peer that has gone: without its address nothing can be believed about it. */
function readPeer(socket: ReadableMessage['socket'], { trusted, peers, tlsOf }: PeerOptions): Peer | null {
  const remote = socket.remoteAddress;
  // A unix socket has no address at either end; whoever may open it is on this machine.
  if (remote === undefined && (socket.destroyed || socket.localAddress !== undefined)) return null;
  const address = remote === undefined ? '127.0.0.1' : plainAddress(remote);
  const peer = { address, trusted: trusted.has(address), tls: tlsOf?.(socket) ?? null };
  peers.set(socket, peer);
  return peer;
}

/**
 * The connection was made for another host, with a certificate that is not good for this one (RFC 9110 §15.5.20): what was
 * agreed on in its handshake must not count here. A trusted proxy names its upstream as it likes.
 */
function isMisdirected(tls: TlsConnection, host: string, trusted: boolean): boolean {
  return !trusted && tls.serverName !== null && tls.serverName !== host && !tls.covers(host);
}

interface VisitorsView extends Authority {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly authority: string;
}

/** Scheme, host and port as the visitor's browser has them. */
function visitorsView(
  scanned: ScannedHeaders,
  host: Authority,
  trusted: boolean,
  publicScheme: 'http' | 'https',
  encrypted: boolean,
): VisitorsView | Unreadable {
  if (!trusted) {
    const scheme = encrypted ? 'https' : publicScheme;
    return { scheme, host: host.host, port: host.port ?? standardPort(scheme), authority: scanned.host };
  }
  const proto = scanned.forwardedProto;
  const said = proto === '' ? publicScheme : schemes.get(proto);
  if (said === undefined) return { status: 400, reason: 'bad-forwarded-proto' };
  const scheme = encrypted ? 'https' : said;
  const authority = scanned.forwardedHost === '' ? scanned.host : scanned.forwardedHost;
  const named = scanned.forwardedHost === '' ? host : readAuthority(authority);
  if (named === null) return { status: 400, reason: 'bad-forwarded-host' };
  const port = scanned.forwardedPort === '' ? named.port : readPort(scanned.forwardedPort);
  if (port === undefined) return { status: 400, reason: 'bad-forwarded-port' };
  return { scheme, host: named.host, port: port ?? standardPort(scheme), authority };
}

/** Some proxies name the scheme of a WebSocket by its own word. */
const schemes: ReadonlyMap<string, 'http' | 'https'> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['ws', 'http'],
  ['wss', 'https'],
]);

function standardPort(scheme: 'http' | 'https'): number {
  return scheme === 'https' ? 443 : 80;
}

function originOf(scheme: 'http' | 'https', host: string, port: number): string {
  return port === standardPort(scheme) ? `${scheme}://${host}` : `${scheme}://${host}:${String(port)}`;
}

function firstValue(names: readonly string[], headers: readonly RawHeader[], name: string): string | undefined {
  const index = names.indexOf(name);
  return index < 0 ? undefined : headers[index]?.[1];
}
