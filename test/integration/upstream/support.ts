import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { z } from 'zod';
import type { Authenticated } from '../../../src/authentication/authenticator.ts';
import { compileHeaderSet } from '../../../src/identity/header-sets.ts';
import { createReservedHeaders } from '../../../src/identity/headers.ts';
import type { Identity } from '../../../src/identity/identity.ts';
import type { CanonicalPath, RawHeader, RequestFacts } from '../../../src/request/facts.ts';
import type { ForwardingRoute } from '../../../src/route/table.ts';
import type { Runtime } from '../../../src/runtime.ts';
import { upstreamConfig } from '../../../src/route/upstream/config.ts';
import { createStickiness } from '../../../src/upstream/sticky.ts';
import { createUpstreamStates } from '../../../src/upstream/upstream-states.ts';
import { createForwarder } from '../../../src/upstream/forward.ts';
import type { ForwardHandle, ForwardOutcome, ForwarderOptions } from '../../../src/upstream/forward.ts';
import { readSecureOptions } from '../../../src/upstream/secure.ts';
import { createUpgrader } from '../../../src/upstream/upgrade.ts';
import { createTestRuntime, type TestRuntime } from '../../support/runtime.ts';
import type { UpgradeHandle, UpgradeOutcome } from '../../../src/upstream/upgrade.ts';

export const alice: Identity = {
  user: 'alice',
  name: 'Zoë 田中',
  email: 'alice@example.com',
  groups: ['users', 'editors'],
  claims: {},
  method: 'local',
  issuer: 'local',
  subject: 'alice',
};

export function visitorOf(identity: Identity, consumesAuthorization = false): Authenticated {
  return {
    kind: 'authenticated',
    identity,
    session: null,
    consumesAuthorization,
    secondFactor: false,
    authenticatedAtMs: 0,
  };
}

/** A route to what `upstream` says, as in the configuration. */
export function routeTo(
  upstream: z.input<typeof upstreamConfig>,
  changes: Partial<ForwardingRoute> = {},
): ForwardingRoute {
  return {
    id: 'app',
    title: 'App',
    host: null,
    path: '/' as CanonicalPath,
    upstream: upstreamConfig.parse(upstream),
    answer: null,
    upstreamPath: null,
    preserveHost: true,
    requestHeaders: null,
    responseHeaders: null,
    maxBodyBytes: null,
    encodedSlashes: false,
    acceptBasic: false,
    acceptTokens: true,
    allowedOrigins: new Set(),
    clearCookies: [],
    policy: {
      judgesPaths: false,
      evaluate: () => ({ kind: 'allow', rule: 0, anonymous: false }),
    },
    headers: compileHeaderSet('remote'),
    basicAuth: null,
    accessToken: null,
    ...changes,
  };
}

/** Facts as the reader would make them of an ordinary request, without any of its checks. */
export function factsOf(request: IncomingMessage, changes: Partial<RequestFacts> = {}): RequestFacts {
  const headers: RawHeader[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2)
    headers.push([request.rawHeaders[index]!, request.rawHeaders[index + 1]!]);
  const url = request.url ?? '/';
  const cut = url.includes('?') ? url.indexOf('?') : url.length;
  const header = (name: string) => headers.find(([given]) => given.toLowerCase() === name)?.[1];
  const authority = header('host') ?? '';
  const length = header('content-length');
  return {
    id: 'request-1',
    receivedAtMs: 0,
    method: request.method ?? 'GET',
    scheme: 'https',
    host: authority.replace(/:\d+$/, ''),
    port: 443,
    authority,
    origin: `https://${authority}`,
    path: url.slice(0, cut) as CanonicalPath,
    otherReadings: [],
    hasEncodedSlash: false,
    rawPath: url.slice(0, cut),
    rawQuery: url.slice(cut),
    headers,
    header,
    clientAddress: '127.0.0.1',
    peerAddress: '127.0.0.1',
    fromTrustedProxy: false,
    forwardedFor: [],
    clientCertificate: null,
    sessionTokens: [],
    upgrade: (header('upgrade') ?? '').toLowerCase() === '' ? [] : [(header('upgrade') ?? '').toLowerCase()],
    hasBody: (length !== undefined && length !== '0') || header('transfer-encoding') !== undefined,
    expectsContinue: header('expect') !== undefined,
    ...changes,
  };
}

export const isOwnCookie = (name: string): boolean => /^(__host-|__secure-)?gw(-form|-target)?(\.\d+)?$/i.test(name);

/** What forwarder and upgrader need, for this one route. */
export function carrying(t: ExecutionContext, route: ForwardingRoute, runtime: Runtime = realTime()): ForwarderOptions {
  const { now, randomBytes } = runtime;
  const upstreams = createUpstreamStates(runtime);
  const secureOf = readSecureOptions([route.upstream]);
  const { groupOf, takeOver } = upstreams.plan([route], secureOf);
  takeOver();
  t.teardown(upstreams.stop);
  const cookie = { name: 'gw-target', serialize: (value: string) => `gw-target=${value}` };
  return {
    reserved: createReservedHeaders([route.headers]),
    isOwnCookie,
    isOwnCredential: () => false,
    secureOf,
    groupOf,
    stickiness: createStickiness({ cookie, randomBytes }),
    now,
  };
}

/** The clock on the wall, and a log to read. */
export function realTime(): TestRuntime {
  return { ...createTestRuntime(), now: Date.now };
}

export interface Gateway {
  readonly port: number;
  readonly outcomes: ForwardOutcome[];
  readonly handles: ForwardHandle[];
}

/** A bare server whose every request is forwarded to the route; refusals are `502 code`. */
export async function startForwarder(
  t: ExecutionContext,
  route: ForwardingRoute,
  options: {
    readonly visitor?: Authenticated | null;
    readonly setCookies?: readonly string[];
    readonly facts?: Partial<RequestFacts>;
    readonly runtime?: Runtime;
  } = {},
): Promise<Gateway> {
  const forwarder = createForwarder(carrying(t, route, options.runtime));
  const outcomes: ForwardOutcome[] = [];
  const handles: ForwardHandle[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const handle = forwarder.forward({
      facts: factsOf(request, options.facts),
      route,
      visitor: options.visitor === undefined ? visitorOf(alice) : options.visitor,
      request,
      response,
      setCookies: options.setCookies ?? [],
    });
    handles.push(handle);
    void handle.done.then((outcome) => {
      outcomes.push(outcome);
      if (outcome.kind === 'failed' && !outcome.responseStarted)
        response
          .writeHead(outcome.error.status, { 'Content-Length': 8 + outcome.error.code.length })
          .end(`refused ${outcome.error.code}`);
    });
  };
  const server = createServer({ requestTimeout: 0 }, serve);
  server.on('checkContinue', serve);
  const port = await listen(t, server);
  t.teardown(() => forwarder.close());
  return { port, outcomes, handles };
}

export interface UpgradeGateway {
  readonly port: number;
  readonly outcomes: UpgradeOutcome[];
  readonly handles: UpgradeHandle[];
}

/** A bare server whose every upgrade goes to the route; refusals are `502 code`. */
export async function startUpgrader(
  t: ExecutionContext,
  route: ForwardingRoute,
  runtime?: Runtime,
): Promise<UpgradeGateway> {
  const upgrader = createUpgrader(carrying(t, route, runtime));
  const outcomes: UpgradeOutcome[] = [];
  const handles: UpgradeHandle[] = [];
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => {
    const visitor = visitorOf(alice);
    const handle = upgrader.upgrade({ facts: factsOf(incoming), route, visitor, request: incoming, socket, head });
    handles.push(handle);
    void handle.done.then((outcome) => {
      outcomes.push(outcome);
      if (outcome.kind === 'failed' && !outcome.responseStarted)
        socket.end(`HTTP/1.1 ${outcome.error.status} X\r\nConnection: close\r\n\r\nrefused ${outcome.error.code}`);
    });
  });
  return { port: await listen(t, server), outcomes, handles };
}

export async function listen(t: ExecutionContext, server: Server | TcpServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

export interface Recorder {
  readonly origin: string;
  /** Every request as received, head and body. */
  readonly received: string[];
  readonly connections: () => number;
  readonly sockets: Socket[];
}

/** A raw TCP upstream: records bytes and answers each request head (and body, by length) with `answer`. */
export async function startRecorder(
  t: ExecutionContext,
  answer: string | ((text: string, socket: Socket) => string | null) = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
): Promise<Recorder> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    let pending = '';
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (let end = endOfRequest(pending); end > 0; end = endOfRequest(pending)) {
        const text = pending.slice(0, end);
        pending = pending.slice(end);
        received.push(text);
        const reply = typeof answer === 'string' ? answer : answer(text, socket);
        if (reply !== null) socket.write(reply, 'latin1');
      }
    });
    socket.on('error', () => undefined);
  });
  const port = await listen(t, server);
  return { origin: `http://127.0.0.1:${port}`, received, connections: () => sockets.length, sockets };
}

function endOfRequest(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head));
  if (length) return text.length >= head + 4 + Number(length[1]) ? head + 4 + Number(length[1]) : 0;
  if (/\r\ntransfer-encoding: *chunked/i.test(text.slice(0, head))) {
    const end = text.indexOf('\r\n0\r\n\r\n', head);
    return end < 0 ? 0 : end + 7;
  }
  return head + 4;
}

/** Sends raw bytes on a fresh connection and returns everything until the other side closes (or `until` fits). */
export async function exchange(port: number, bytes: string | Buffer, until?: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const finish = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(20_000, () => {
      socket.destroy();
      reject(new Error(`no end of the answer: ${text.slice(0, 500)}`));
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (until?.test(text)) finish();
    });
    socket.on('end', finish);
    socket.on('error', () => finish());
    socket.write(bytes);
  });
}

/** One GET with these header lines; the connection is closed after it. */
export async function get(port: number, path: string, ...lines: string[]): Promise<string> {
  return exchange(port, request('GET', path, lines));
}

export function request(method: string, path: string, lines: readonly string[] = [], body = ''): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: app.test', 'Connection: close', ...lines, '', body].join('\r\n');
}

/** Values of a header in a raw message head, in order. */
export function values(message: string, name: string): string[] {
  const head = message.slice(0, message.indexOf('\r\n\r\n'));
  return head
    .split('\r\n')
    .slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(line.indexOf(':') + 1).trim());
}

/** Polls until the condition holds. */
export async function eventually(condition: () => boolean, what = 'the state'): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
