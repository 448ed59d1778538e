import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { AssertionKeys } from '../identity/keys.ts';
import { describeTargets } from '../observability/upstream-metrics.ts';
import type { Log } from '../runtime.ts';
import type { EndReason, Session } from '../session/session.ts';
import { viewSession } from '../session/view.ts';
import { listTokens, revokeToken, revokeTokens, type AdminTokens } from './tokens.ts';

/** What the admin listener may do with sessions. */
export interface AdminSessions {
  readonly end: (id: string, reason: EndReason) => Promise<boolean>;
  readonly endUser: (user: string, reason: EndReason) => Promise<number>;
  readonly list: (user: string) => Promise<readonly Session[]>;
  readonly listAll: () => AsyncIterable<Session>;
}

export interface AdminOptions {
  readonly sessions: AdminSessions;
  readonly tokens: AdminTokens;
  readonly keys: Pick<AssertionKeys, 'list' | 'rotate'>;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Resolves when requests can be served now; rejects with the reason. */
  readonly ready: () => Promise<void>;
  /** Lets the next person who comes have a user name, and ends the sessions under it. False when nobody owned it. */
  readonly releaseName: (user: string) => Promise<boolean>;
  readonly canonicalUserName: (text: string) => string | null;
  readonly audit: (fields: Readonly<Record<string, unknown>>) => void;
  /** Hears of each access token that is revoked. */
  readonly auditToken: (fields: Readonly<Record<string, unknown>>) => void;
  readonly log: Log;
}

export interface AdminListener {
  readonly address: AddressInfo | string;
  readonly close: () => Promise<void>;
}

interface AdminAnswer {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
}

/** `HOST:PORT` or `unix:/path`, as `admin.listen` has it. */
export type AdminAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Opens the admin listener: health, metrics, sessions, access tokens and keys, for operators on this machine. Throws `listen-failed`. */
export async function listenAdmin(address: AdminAddress, options: AdminOptions): Promise<AdminListener> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    void answerAdmin(request, options).then(
      (answer) => write(response, answer),
      (error: unknown) => {
        options.log.error('admin.failed', { error });
        const unavailable = error instanceof GatewayError && error.code === 'store-unavailable';
        write(response, json(unavailable ? 503 : 500, { error: unavailable ? 'store-unavailable' : 'internal' }));
      },
    );
  });
  await open(server, address);
  return {
    address: server.address() ?? '',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function open(server: Server, address: AdminAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new GatewayError('listen-failed', 'could not open the admin listener; change admin.listen or set it to off', {
          cause,
        }),
      ),
    );
    server.listen(address, resolve);
  });
}

async function answerAdmin(request: IncomingMessage, options: AdminOptions): Promise<AdminAnswer> {
  if (isFromBrowser(request)) return json(403, { error: 'not-for-browsers' });
  const url = URL.parse(request.url ?? '/', 'http://admin.invalid');
  if (url === null) return json(400, { error: 'bad-request' });
  const { pathname, searchParams } = url;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (pathname === '/livez' && reading) return { status: 200, body: 'live\n' };
  if (pathname === '/readyz' && reading) return ready(options, searchParams.has('verbose'));
  if (pathname === '/metrics' && reading) {
    const { contentType, text } = await options.metrics();
    return { status: 200, contentType, body: text };
  }
  if (pathname === '/sessions' && reading) return listSessions(searchParams.get('user'), options);
  if (pathname === '/sessions' && request.method === 'DELETE') return endSessions(searchParams, options);
  if (pathname === '/names' && request.method === 'DELETE') {
    const name = options.canonicalUserName(searchParams.get('user') ?? '');
    if (name === null) return json(400, { error: 'name a user' });
    return json(200, { released: await options.releaseName(name) });
  }
  const id = /^\/sessions\/([A-Za-z0-9_-]{43})$/.exec(pathname)?.[1];
  if (id !== undefined && request.method === 'DELETE') {
    const ended = await options.sessions.end(id, 'revoked');
    if (ended) options.audit({ session: id });
    return json(ended ? 200 : 404, { ended: ended ? 1 : 0 });
  }
  if (/^\/tokens(\/|$)/.test(pathname)) return answerTokens(request.method ?? '', pathname, searchParams, options);
  if (pathname === '/keys' && reading) return json(200, { keys: await options.keys.list() });
  if (pathname === '/keys/rotate' && request.method === 'POST') return json(200, { keys: await options.keys.rotate() });
  return json(404, { error: 'not-found' });
}

/** `verbose` adds the targets of upstreams; one that is down does not make us unready. */
async function ready(options: AdminOptions, verbose: boolean): Promise<AdminAnswer> {
  try {
    await options.ready();
    const details = verbose ? describeTargets((await options.metrics()).text) : [];
    return { status: 200, body: `${['ready', ...details].join('\n')}\n` };
  } catch (error) {
    return { status: 503, body: `not ready: ${error instanceof Error ? error.message : 'unknown'}\n` };
  }
}

async function listSessions(user: string | null, options: AdminOptions): Promise<AdminAnswer> {
  const sessions: Session[] = [];
  if (user !== null) {
    const name = options.canonicalUserName(user);
    if (name !== null) sessions.push(...(await options.sessions.list(name)));
  } else {
    for await (const session of options.sessions.listAll()) sessions.push(session);
  }
  return json(200, { sessions: sessions.map(viewSession) });
}

async function endSessions(parameters: URLSearchParams, options: AdminOptions): Promise<AdminAnswer> {
  const user = parameters.get('user');
  if (user !== null) {
    const name = options.canonicalUserName(user);
    const ended = name === null ? 0 : await options.sessions.endUser(name, 'revoked');
    options.audit({ user: name, ended });
    return json(200, { ended });
  }
  if (parameters.get('all') !== 'true') return json(400, { error: 'name a user or say all=true' });
  let ended = 0;
  for await (const session of options.sessions.listAll())
    if (await options.sessions.end(session.id, 'revoked')) ended += 1;
  options.audit({ all: true, ended });
  return json(200, { ended });
}

async function answerTokens(
  method: string,
  pathname: string,
  parameters: URLSearchParams,
  options: AdminOptions,
): Promise<AdminAnswer> {
  const revocation = { tokens: options.tokens, audit: options.auditToken };
  const id = /^\/tokens\/([A-Za-z0-9_-]{43})$/.exec(pathname)?.[1];
  if (id !== undefined && method === 'DELETE') {
    const ended = await revokeToken(revocation, id);
    return json(ended === 1 ? 200 : 404, { ended });
  }
  if (pathname !== '/tokens') return json(404, { error: 'not-found' });
  const written = parameters.get('user');
  const user = written === null ? null : options.canonicalUserName(written);
  const isNobody = written !== null && user === null;
  if (method === 'GET' || method === 'HEAD')
    return json(200, { tokens: isNobody ? [] : await listTokens(options.tokens, user) });
  if (method !== 'DELETE') return json(404, { error: 'not-found' });
  if (written === null && parameters.get('all') !== 'true') return json(400, { error: 'name a user or say all=true' });
  return json(200, { ended: isNobody ? 0 : await revokeTokens(revocation, user) });
}

/** A page in the operator's browser must not steer us: no Origin, no fetch metadata, and no name that DNS could rebind. */
function isFromBrowser(request: IncomingMessage): boolean {
  const { headers } = request;
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return true;
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  // Health and metrics are asked for by name, in a cluster say, and tell nothing of people.
  const isPrivate = !/^\/(livez|readyz|metrics)(\?|$)/.test(request.url ?? '');
  return isPrivate && host !== '' && host !== 'localhost' && isIP(host) === 0;
}

function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function write(response: ServerResponse, { status, contentType, body }: AdminAnswer): void {
  response.writeHead(status, {
    'Content-Type': contentType ?? 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
