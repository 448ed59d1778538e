import type { CanonicalPath, ClientCertificate, RawHeader, RequestFacts } from '../../src/request/facts.ts';

export interface FactsInput {
  readonly method?: string;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: readonly RawHeader[];
  readonly clientAddress?: string;
  readonly peerAddress?: string;
  readonly clientCertificate?: ClientCertificate | null;
  readonly sessionTokens?: readonly string[];
}

/** Facts of a plain request to https://app.test/, as far as a test does not say otherwise. */
export function makeFacts(input: FactsInput = {}): RequestFacts {
  const { method = 'GET', scheme = 'https', host = 'app.test', path = '/', query = '', headers = [] } = input;
  const port = input.port ?? (scheme === 'https' ? 443 : 80);
  const authority = port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
  const clientAddress = input.clientAddress ?? '192.0.2.7';
  return {
    id: 'request-1',
    receivedAtMs: 1_760_000_000_000,
    method,
    scheme,
    host,
    port,
    authority,
    origin: `${scheme}://${authority}`,
    path: path as CanonicalPath,
    otherReadings: [],
    hasEncodedSlash: false,
    rawPath: path,
    rawQuery: query,
    headers,
    header: (name) => headers.find(([key]) => key.toLowerCase() === name)?.[1],
    clientAddress,
    peerAddress: input.peerAddress ?? clientAddress,
    fromTrustedProxy: false,
    forwardedFor: [],
    clientCertificate: input.clientCertificate ?? null,
    sessionTokens: input.sessionTokens ?? [],
    upgrade: [],
    hasBody: false,
    expectsContinue: false,
  };
}
