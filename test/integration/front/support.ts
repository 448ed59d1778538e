import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { makeAuthority, makeCertificate, type Authority, type Certificate } from '../../support/certificates.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { passwordOf, type FixtureName } from '../../support/users.ts';

/** A gateway that speaks TLS for app.test, *.apps.test and 127.0.0.1, before a recording upstream; everybody may pass. */
export interface TlsFixture {
  readonly gateway: TestGateway;
  readonly up: Upstream;
  readonly authority: Authority;
  readonly ca: Buffer;
  /** The files that the gateway has read. */
  readonly certificate: Certificate;
  /** Folder of its own for more files. */
  readonly folder: string;
}

export interface TlsFixtureOptions {
  readonly server?: Readonly<Record<string, unknown>>;
  /** More of `server.tls`, made with the authority at hand. */
  readonly tls?: (authority: Authority, folder: string) => Promise<Readonly<Record<string, unknown>>>;
  readonly routes?: (origin: string) => readonly unknown[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly users?: string;
}

export async function startTls(t: ExecutionContext, options: TlsFixtureOptions = {}): Promise<TlsFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
  const authority = await makeAuthority(folder);
  const made = await makeCertificate(authority, { names: ['app.test', '*.apps.test'], ips: ['127.0.0.1'] });
  const certificate = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  await copyFile(made.cert, certificate.cert);
  await copyFile(made.key, certificate.key);
  const up = await startUpstream();
  t.teardown(up.stop);
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const more = (await options.tls?.(authority, folder)) ?? {};
  const gateway = await startTestGateway({
    users: options.users ?? 'users: {}\n',
    config: {
      ...options.config,
      server: {
        publicUrl: 'https://app.test',
        tls: 'certificates' in more ? more : { ...certificate, ...more },
        ...options.server,
      },
      routes: options.routes?.(up.origin) ?? [{ upstream: up.origin, access: 'public' }],
    },
  });
  t.teardown(gateway.stop);
  return { gateway, up, authority, ca: await readFile(authority.ca), certificate, folder };
}

/** What a whole exchange of HTTP/2 came to. */
export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** Statuses of interim answers. */
  readonly interim: readonly IncomingHttpHeaders[];
}

/** What a client needs to know. */
export interface Reachable {
  readonly gateway: { readonly port: number };
  readonly ca: Buffer;
}

/** An HTTP/2 connection to the gateway under a host's name. */
export function openHttp2(
  t: ExecutionContext,
  { gateway, ca }: Reachable,
  options: ConnectionOptions & { readonly host?: string } = {},
): ClientHttp2Session {
  const { host = 'app.test', ...rest } = options;
  const session = connect(`https://${host}`, {
    createConnection: () =>
      connectTls({ host: '127.0.0.1', port: gateway.port, servername: host, ca, ALPNProtocols: ['h2'], ...rest }),
  });
  session.on('error', () => undefined);
  t.teardown(() => session.destroy());
  return session;
}

/** One request on a session; rejects when the stream is reset. */
export function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    const interim: IncomingHttpHeaders[] = [];
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('headers', (more) => interim.push(more));
    stream.on('response', (found) => (head = found));
    stream.on('trailers', (found: IncomingHttpHeaders) => (trailers = found));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      if (stream.rstCode !== 0) reject(new Error(`stream reset with ${String(stream.rstCode)}`));
      else
        resolve({
          status: Number(head[':status'] ?? 0),
          headers: head,
          body: Buffer.concat(chunks),
          trailers,
          interim,
        });
    });
    if (body !== undefined) stream.end(body);
  });
}

/** A TLS connection that speaks whatever the test writes. */
export function openTls(
  t: ExecutionContext,
  { gateway, ca }: Reachable,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: '127.0.0.1', port: gateway.port, servername: 'app.test', ca, ALPNProtocols: ['http/1.1'], ...options },
      () => resolve(socket),
    );
    socket.once('error', reject);
    t.teardown(() => socket.destroy());
  });
}

/** Writes bytes and collects what comes until the other side closes. */
export function converse(socket: TLSSocket, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.once('close', () => resolve(text));
    socket.on('error', () => undefined);
    socket.write(bytes, 'latin1');
  });
}

/** Signs a fixture user in through the form; gives back `name=token` of the session. */
export async function signInHttp2(session: ClientHttp2Session, user: FixtureName): Promise<string> {
  const path = '/_auth/sign-in';
  const page = await askHttp2(session, { ':path': path, ':authority': 'app.test', accept: 'text/html' });
  const fields = new URLSearchParams({ username: user, password: passwordOf(user) });
  for (const [input] of page.body.toString().matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    const [name, value] = ['name', 'value'].map((key) => new RegExp(`\\b${key}="([^"]*)"`).exec(input)?.[1] ?? '');
    fields.set(name ?? '', value ?? '');
  }
  const answer = await askHttp2(
    session,
    {
      ':method': 'POST',
      ':path': path,
      ':authority': 'app.test',
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://app.test',
      cookie: (page.headers['set-cookie'] ?? []).map((line) => line.split(';')[0] ?? ''),
    },
    fields.toString(),
  );
  const token = (answer.headers['set-cookie'] ?? []).find((line) => /^__Host-sallyport=[^;]{43};/.test(line));
  if (token === undefined) throw new Error(`sign-in of ${user} failed: ${String(answer.status)}`);
  return token.split(';')[0] ?? '';
}
