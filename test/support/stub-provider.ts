import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { forgeJwt, makeRsaKey, type ForgedKey } from './forge-jwt.ts';

/** What the stub says; every part may be as wrong as a test wants. Back to good by `reset`. */
export interface StubAnswers {
  /** Laid over the metadata. */
  metadata: Record<string, unknown>;
  /** Laid over the claims of a good ID token; undefined takes one away. */
  claims: Record<string, unknown>;
  /** Makes the ID token of its claims. */
  idToken: (claims: Record<string, unknown>) => string | undefined;
  /** Laid over the answer of the token endpoint. */
  token: Record<string, unknown>;
  /** Status and body of the token endpoint instead. */
  tokenFailure: { readonly status: number; readonly body: string } | null;
  userinfo: { readonly status: number; readonly body: string } | null;
  jwks: string | null;
  /** Answers any request in the stub's stead. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
}

export interface StubProvider extends StubAnswers {
  readonly issuer: string;
  readonly port: number;
  readonly key: ForgedKey;
  /** `POST /token`, in order. */
  readonly requests: string[];
  /** Bodies of the token endpoint, in order. */
  readonly forms: URLSearchParams[];
  /** Nonce of the ID token that comes next; the test takes it from the authorization request. */
  nonce: string;
  readonly goodClaims: () => Record<string, unknown>;
  readonly goodToken: (claims: Record<string, unknown>) => string;
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

/** An OpenID provider that says what it is told to. `now`: the gateway's clock. */
export async function startStubProvider(clientId: string, now: () => number): Promise<StubProvider> {
  const key = makeRsaKey('stub-key');
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${String(port)}`;
  const requests: string[] = [];
  const forms: URLSearchParams[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    requests.push(`${request.method ?? ''} ${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (self.intercept?.(request, response) === true) return;
    const send = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    };
    switch (path) {
      case '/.well-known/openid-configuration':
        return send(200, JSON.stringify({ ...metadata, ...self.metadata }));
      case '/jwks':
        return send(200, self.jwks ?? JSON.stringify({ keys: [key.jwk] }));
      case '/token': {
        forms.push(new URLSearchParams(Buffer.concat(chunks).toString()));
        if (self.tokenFailure !== null) return send(self.tokenFailure.status, self.tokenFailure.body);
        const claims = { ...self.goodClaims(), ...self.claims };
        const token = { access_token: 'an-access-token', token_type: 'Bearer', expires_in: 3_600 };
        return send(200, JSON.stringify({ ...token, id_token: self.idToken(claims), ...self.token }));
      }
      case '/userinfo':
        if (self.userinfo !== null) return send(self.userinfo.status, self.userinfo.body);
        return send(200, JSON.stringify({ sub: self.claims['sub'] ?? 'subject-1' }));
      default:
        return send(404, '{}');
    }
  };
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    end_session_endpoint: `${issuer}/end`,
    response_types_supported: ['code'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  };
  const seconds = (): number => Math.floor(now() / 1_000);
  const good = (): StubAnswers => ({
    metadata: {},
    claims: {},
    idToken: (claims) => self.goodToken(claims),
    token: {},
    tokenFailure: null,
    userinfo: null,
    jwks: null,
    intercept: null,
  });
  const self: StubProvider = {
    ...({} as StubAnswers),
    issuer,
    port,
    key,
    requests,
    forms,
    nonce: '',
    goodClaims: () => ({
      iss: issuer,
      sub: 'subject-1',
      aud: clientId,
      iat: seconds(),
      exp: seconds() + 300,
      nonce: self.nonce,
      preferred_username: 'yuna',
      email: 'yuna@corp.test',
      email_verified: true,
      groups: ['staff'],
      sid: 'sid-1',
    }),
    goodToken: (claims) =>
      forgeJwt({ alg: 'RS256', kid: key.kid, typ: 'JWT' }, claims, { kind: 'rs256', key: key.privateKey }),
    reset: () => void Object.assign(self, good()),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  self.reset();
  return self;
}
