import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one request in the stub's stead. */
export type StubAnswer = (request: IncomingMessage, response: ServerResponse) => void;

export interface StubPerson {
  readonly user: unknown;
  readonly emails?: unknown;
  readonly orgs?: readonly unknown[];
  readonly teams?: readonly unknown[];
}

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Of a form. */
  readonly fields: URLSearchParams;
}

/** A provider of OAuth 2 that speaks like GitHub Enterprise Server, and does what a test tells it. */
export interface OAuthStub {
  readonly origin: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whoever is sent there is this person. */
  person: StubPerson;
  /** More of the answer with tokens. */
  tokenExtras: Readonly<Record<string, unknown>>;
  /** By path: what is answered instead. */
  readonly instead: Map<string, StubAnswer>;
  readonly requests: StubRequest[];
  /** Requests to a path so far. */
  readonly to: (path: string) => readonly StubRequest[];
  /** No access token that was given so far is good any more. */
  readonly revokeAll: () => void;
  /** No refresh token either. */
  readonly revokeRefresh: () => void;
  readonly stop: () => Promise<void>;
}

export const json =
  (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): StubAnswer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };

export async function startOAuthStub(): Promise<OAuthStub> {
  const clientId = 'gateway';
  const clientSecret = 'a secret: with % signs';
  const codes = new Map<
    string,
    { readonly challenge: string | null; readonly person: StubPerson; readonly back: string }
  >();
  const tokens = new Map<string, StubPerson>();
  const refreshTokens = new Map<string, StubPerson>();
  const requests: StubRequest[] = [];
  const instead = new Map<string, StubAnswer>();

  const give = (person: StubPerson): StubAnswer => {
    const accessToken = `gho_${randomUUID()}`;
    tokens.set(accessToken, person);
    const refresh = `ghr_${randomUUID()}`;
    const wantsRefresh = stub.tokenExtras['refresh_token'] === true;
    if (wantsRefresh) refreshTokens.set(refresh, person);
    const extras = { ...stub.tokenExtras, ...(wantsRefresh ? { refresh_token: refresh } : {}) };
    return json({ access_token: accessToken, token_type: 'bearer', scope: '', ...extras });
  };
  const isClient = ({ headers, fields }: StubRequest): boolean => {
    const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);
    const basic = `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
    if (headers.authorization !== undefined) return headers.authorization === basic;
    return fields.get('client_id') === clientId && fields.get('client_secret') === clientSecret;
  };
  const token = (asked: StubRequest): StubAnswer => {
    if (!isClient(asked)) return json({ error: 'incorrect_client_credentials' });
    const { fields } = asked;
    if (fields.get('grant_type') === 'refresh_token') {
      const person = refreshTokens.get(fields.get('refresh_token') ?? '');
      refreshTokens.delete(fields.get('refresh_token') ?? '');
      return person === undefined ? json({ error: 'invalid_grant' }, 400) : give(stub.person);
    }
    const code = codes.get(fields.get('code') ?? '');
    codes.delete(fields.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(fields.get('code_verifier') ?? '')
      .digest('base64url');
    const isGood = code !== undefined && code.back === fields.get('redirect_uri');
    if (!isGood || (code.challenge !== null && code.challenge !== challenge))
      return json({ error: 'bad_verification_code' });
    return give(code.person);
  };
  const authorize = ({ query }: StubRequest): StubAnswer => {
    const code = randomUUID();
    const back = query.get('redirect_uri') ?? '';
    codes.set(code, { challenge: query.get('code_challenge'), person: stub.person, back });
    const url = new URL(back);
    url.searchParams.set('code', code);
    url.searchParams.set('state', query.get('state') ?? '');
    return (_request, response) => {
      response.writeHead(302, { location: url.href });
      response.end();
    };
  };
  /** What the holder of the token is told; a person's data are looked up anew. */
  const about = ({ headers, path, query }: StubRequest): StubAnswer => {
    if (!tokens.has((headers.authorization ?? '').replace(/^Bearer /, '')))
      return json({ message: 'Bad credentials' }, 401);
    const { user, emails = [], orgs = [], teams = [] } = stub.person;
    const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 30)];
    const cut = (list: readonly unknown[]): StubAnswer => json(list.slice((page - 1) * size, page * size));
    if (path.endsWith('/user/orgs')) return cut(orgs);
    if (path.endsWith('/user/teams')) return cut(teams);
    return json(path.endsWith('/user/emails') ? emails : user);
  };
  const answerTo = (asked: StubRequest): StubAnswer => {
    const own = instead.get(asked.path);
    if (own !== undefined) return own;
    if (asked.path === '/login/oauth/authorize') return authorize(asked);
    return asked.path === '/login/oauth/access_token' ? token(asked) : about(asked);
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://stub.test');
      const asked: StubRequest = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        fields: new URLSearchParams(Buffer.concat(chunks).toString()),
      };
      requests.push(asked);
      answerTo(asked)(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: OAuthStub = {
    origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    clientId,
    clientSecret,
    person: { user: { id: 1, login: 'nobody' } },
    tokenExtras: {},
    instead,
    requests,
    to: (path) => requests.filter((asked) => asked.path === path),
    revokeAll: () => tokens.clear(),
    revokeRefresh: () => refreshTokens.clear(),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return stub;
}
