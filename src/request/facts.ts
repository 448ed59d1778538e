/** What we believe about a request. Made once by `request/read.ts` (or a forward-auth dialect); everyone else only reads it. */

declare const canonical: unique symbol;

/**
 * A path in its one canonical spelling: percent-encoded unreserved characters decoded, other escapes in upper-case hex,
 * bytes above 0x7f as escapes. Starts with a single `/`. Only `request/path.ts` makes one.
 */
export type CanonicalPath = string & { readonly [canonical]: true };

/** A header as it came over the wire: name in its original spelling, value in Latin-1. */
export type RawHeader = readonly [name: string, value: string];

/** Who is at the other end of a TLS connection, by a certificate that an authority of `server.tls.clientCa` has signed. */
export interface ClientCertificate {
  /** Attributes of the subject by their short names (`CN`, `O`, `OU`, `emailAddress`, …), each with all its values. */
  readonly subject: Readonly<Record<string, readonly string[]>>;
  /** The same of who signed it. */
  readonly issuer: Readonly<Record<string, readonly string[]>>;
  /** Subject alternative names. */
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** SHA-256 of the whole certificate, 64 lower-case hex digits. */
  readonly fingerprint: string;
  /** Lower-case hex. */
  readonly serialNumber: string;
  /** When it ends, milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** What the TLS handshake of a connection settled. */
export interface TlsConnection {
  /** Name that the client asked for (SNI), lower case; null when it named none. */
  readonly serverName: string | null;
  /** Whether the certificate that we showed is good for this host. */
  readonly covers: (host: string) => boolean;
  /** Null when none was asked for or given. Checked against the authorities. */
  readonly clientCertificate: ClientCertificate | null;
}

export interface RequestFacts {
  /** Our own id of the request: in the log, in `X-Request-Id`, on error pages. */
  readonly id: string;
  /** When it arrived, milliseconds since 1970. */
  readonly receivedAtMs: number;
  readonly method: string;
  /** Scheme that the visitor used: from our TLS socket, a trusted proxy, else `publicUrl`. */
  readonly scheme: 'http' | 'https';
  /** Host in lower case without port and trailing dot; IPv6 in brackets. */
  readonly host: string;
  /** Port as the visitor sees it. */
  readonly port: number;
  /** `Host` as received (validated), byte for byte, for the upstream. */
  readonly authority: string;
  /** `scheme://host[:port]` as a browser would write the origin of this request. */
  readonly origin: string;
  /** The one path that routes and rules judge. */
  readonly path: CanonicalPath;
  /**
   * Further readings of the path that some upstream might make (inner slashes merged, `;parameters` dropped), and with COPY
   * and MOVE the path that `Destination` names, where the upstream will write. Usually empty. All of them must pass too.
   */
  readonly otherReadings: readonly CanonicalPath[];
  /** The path holds `%2f`; only a route with `encodedSlashes` may take it. */
  readonly hasEncodedSlash: boolean;
  /** Path as received, byte for byte: what the upstream gets. */
  readonly rawPath: string;
  /** Query as received with its `?`, or the empty string. */
  readonly rawQuery: string;
  readonly headers: readonly RawHeader[];
  /** First value of a header by its lower-case name. */
  readonly header: (lowerCaseName: string) => string | undefined;
  /** Address of the visitor: the socket's, or what a trusted proxy said. Plain text, no port, no zone. */
  readonly clientAddress: string;
  /** Address of the socket's other end. */
  readonly peerAddress: string;
  /** The peer is one of `server.trustedProxies`. */
  readonly fromTrustedProxy: boolean;
  /** The visitor's own, verified; null without one, and behind a trusted proxy, whose connection is not the visitor's. */
  readonly clientCertificate: ClientCertificate | null;
  /** The `X-Forwarded-For` chain to hand on, without the peer; empty when nobody trusted spoke. */
  readonly forwardedFor: readonly string[];
  /** Every value of our session cookie that was sent, in order. More than one distinct value is never trusted. */
  readonly sessionTokens: readonly string[];
  /** Protocols of `Upgrade`, lower case, when the request asks for one. */
  readonly upgrade: readonly string[];
  /** The request announced a body (`Content-Length` other than 0, or chunked). */
  readonly hasBody: boolean;
  readonly expectsContinue: boolean;
}

/** A request that two parsers could read differently, or that breaks a limit: answered and the connection closed. */
export interface Unreadable {
  readonly status: 400 | 405 | 408 | 414 | 417 | 421 | 426 | 431 | 501 | 505;
  /** Stable kebab-case slug for log, metric, problem and test. */
  readonly reason: string;
}

export type ReadResult =
  | { readonly kind: 'facts'; readonly facts: RequestFacts }
  | { readonly kind: 'unreadable'; readonly unreadable: Unreadable };
